package norikv

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"
)

// window is how many outcomes a server keeps of one session.
const window = 4096

// session is one session of numbered writes. The oldest unresolved sequence stays within the window of the newest, else a server
// could have forgotten its outcome. Guarded by its pool.
type session struct {
	name         string
	unresolved   map[uint64]struct{}
	oldest, next uint64 // every sequence below oldest is resolved
}

func (s *session) hasRoom() bool { return s.next-s.oldest < window }

// sessionPool gives each write its idempotency key. One slow write would hold back a session; then another session is used.
type sessionPool struct {
	mu       sync.Mutex
	sessions []*session
	current  *session
}

func (p *sessionPool) acquire() (release func(), key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.current
	if s == nil || !s.hasRoom() {
		s = p.withRoomLocked()
		p.current = s
	}
	sequence := s.next
	s.next++
	s.unresolved[sequence] = struct{}{}
	return func() { p.release(s, sequence) }, fmt.Sprintf("s1:%s:%d:%d", s.name, sequence, time.Now().UnixMilli())
}

func (p *sessionPool) release(s *session, sequence uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(s.unresolved, sequence)
	for s.oldest < s.next {
		if _, held := s.unresolved[s.oldest]; held {
			return
		}
		s.oldest++
	}
}

func (p *sessionPool) withRoomLocked() *session {
	var roomy *session
	for _, s := range p.sessions {
		if s.next == s.oldest {
			return s
		}
		if roomy == nil && s.hasRoom() {
			roomy = s
		}
	}
	if roomy != nil {
		return roomy
	}
	// 128 random bits: two clients of one session would take each other's outcomes for their own.
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		panic("norikv: no random bytes: " + err.Error())
	}
	s := &session{name: hex.EncodeToString(id[:]), unresolved: map[uint64]struct{}{}, oldest: 1, next: 1}
	p.sessions = append(p.sessions, s)
	return s
}
