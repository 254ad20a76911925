// Many goroutines count up one key; compare-and-set loses none of them. Run it against the nodes of NORIKV_ADDR.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"
	"sync"

	norikv "github.com/norikv/norikv-go"
)

func increment(ctx context.Context, client *norikv.Client, key []byte) error {
	for {
		now, err := client.Get(ctx, key)
		if err != nil {
			return err
		}
		count, _ := strconv.Atoi(string(now.Value))
		_, err = client.CompareAndSet(ctx, key, []byte(strconv.Itoa(count+1)), now.Version)
		if !errors.Is(err, norikv.ErrVersionMismatch) && !errors.Is(err, norikv.ErrAlreadyExists) {
			return err
		} // else somebody was faster: read again
	}
}

func main() {
	ctx, key := context.Background(), []byte("example:counter")
	client, err := norikv.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Delete(ctx, key); err != nil {
		log.Fatal(err)
	}
	var all sync.WaitGroup
	for i := 0; i < 20; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := increment(ctx, client, key); err != nil {
				log.Fatal(err)
			}
		}()
	}
	all.Wait()
	result, err := client.GetRequired(ctx, key)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("counted to", string(result.Value))
}
