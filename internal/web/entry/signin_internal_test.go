package entry

import (
	"strings"
	"testing"
)

func TestTypedAccount(t *testing.T) {
	for _, test := range []struct {
		typed, account string
		ok             bool
	}{
		{"111122223333", "111122223333", true},
		{" 1111-2222-3333 ", "111122223333", true},
		{"Acme", "acme", true},
		{"my-alias-1", "my-alias-1", true},
		{"", "", false},
		{"a/b", "a/b", false},
		{"..", "..", false},
		{"alice@example.com", "alice@example.com", false},
		{strings.Repeat("a", 64), strings.Repeat("a", 64), false},
	} {
		account, ok := typedAccount(test.typed)
		if account != test.account || ok != test.ok {
			t.Errorf("typedAccount(%q) = %q, %t", test.typed, account, ok)
		}
	}
}
