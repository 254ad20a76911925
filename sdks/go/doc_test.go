package norikv

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"
)

// The pages of the API are made of these comments (`go doc`).
func TestEverythingExportedSaysWhatItIs(t *testing.T) {
	for _, folder := range []string{".", "norikvtest"} {
		files := token.NewFileSet()
		packages, err := parser.ParseDir(files, folder, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for name, parsed := range packages {
			pages := doc.New(parsed, name, 0)
			say := func(what, comment string) {
				if strings.TrimSpace(comment) == "" {
					t.Errorf("%s.%s has no comment", name, what)
				}
			}
			say("(package)", pages.Doc)
			functions := pages.Funcs
			values := append(append([]*doc.Value{}, pages.Consts...), pages.Vars...)
			for _, one := range pages.Types {
				say(one.Name, one.Doc)
				functions = append(append(functions, one.Funcs...), one.Methods...)
				values = append(append(values, one.Consts...), one.Vars...)
			}
			for _, one := range functions {
				if one.Name != "Error" && one.Name != "String" { // what every Go reader knows
					say(one.Name, one.Doc)
				}
			}
			for _, one := range values {
				documented := one.Doc != ""
				for _, spec := range one.Decl.Specs {
					value := spec.(*ast.ValueSpec)
					if !documented && value.Names[0].IsExported() {
						say(value.Names[0].Name, value.Doc.Text())
					}
				}
			}
		}
	}
}
