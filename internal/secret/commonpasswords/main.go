// Command commonpasswords writes the list of passwords that are too common to be anybody's: well-known words and keyboard
// walks, each also with the endings that people add to satisfy a rule.
//
//	go run ./commonpasswords common.txt.gz
package main

import (
	"bytes"
	"compress/gzip"
	"log"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// words are the bases, in lower case.
const words = `
password passw0rd p@ssword p@ssw0rd pass passwd passphrase secret secrets letmein letmeinnow welcome welcom3 admin administrator
adminadmin root toor rootroot superuser sysadmin system manager master masterkey default changeme change changeit temp temporary
test tester testing test123 testtest guest user users username login logon signin access access14 account security secure
server database oracle mysql postgres mongodb redis cisco juniper ubuntu debian linux windows apple google amazon facebook
microsoft samsung nokia android iphone internet network wireless router computer laptop desktop keyboard monitor hacker
hackme hunter hunter2 trustno1 iloveyou loveyou iloveu lovely lover love princess prince queen king kingkong sunshine
moonlight rainbow shadow dragon monkey tiger lion panther wolf eagle falcon phoenix hawk bear horse dolphin butterfly
flower rose daisy lily jasmine violet orchid summer winter spring autumn january february march april may june july august
september october november december monday tuesday wednesday thursday friday saturday sunday london paris berlin madrid
rome vienna moscow tokyo newyork chicago boston dallas texas florida california america england scotland ireland france
germany spain italy poland russia india china japan canada brazil mexico australia football soccer baseball basketball
hockey golf tennis rugby cricket liverpool chelsea arsenal manchester barcelona realmadrid juventus milan yankees lakers
cowboys steelers eagles packers broncos raiders warriors bulls celtics michael jordan jennifer jessica ashley amanda sarah
samantha nicole stephanie elizabeth victoria charlotte emily emma olivia sophia isabella maria anna laura julia robert
thomas william james john david daniel joseph charles christopher matthew anthony andrew joshua george edward richard
alexander nicholas benjamin jonathan patrick martin peter paul mark steven kevin brian jason justin brandon austin hunter
taylor morgan jordan23 harley ferrari porsche mercedes mustang corvette camaro toyota honda nissan yamaha suzuki ducati
batman superman spiderman ironman wolverine hulk joker starwars startrek yoda vader skywalker matrix neo trinity pokemon
pikachu mario zelda sonic minecraft fortnite roblox naruto goku dragonball gandalf frodo aragorn legolas hobbit wizard
magic merlin mystery ninja samurai warrior knight killer hitman gangster pirate captain soldier ranger sniper assassin
metallica slipknot nirvana greenday blink182 eminem rihanna beyonce beatles elvis guitar piano drummer music singer dancer
chocolate cookie cookies candy sugar honey coffee banana orange cherry strawberry pepper ginger peanut pumpkin cheese
bailey buddy charlie maggie molly lucy sadie bella max rocky jake jack buster cooper ginger smokey oscar toby misty
angel angels heaven jesus christ church bless faith hope grace spirit lucky happy smile friend friends forever family
mother father sister brother baby babygirl babyboy girls boys sexy hottie cutie sweet sweetie darling honeybee
purple yellow orange green black white silver golden diamond crystal ruby emerald sapphire pearl platinum
company business office finance sales marketing support helpdesk service customer project product release
thunder lightning storm hurricane tornado blizzard fire water earth wind ocean river mountain forest island desert
money dollar million billion rich winner champion victory success number one first second third twenty hundred thousand
abcdef abcdefg abcdefgh abcd1234 abc123 a1b2c3 a1b2c3d4 qwerty qwertyuiop qwertyui asdfgh asdfghjkl zxcvbn zxcvbnm
qazwsx qazwsxedc 1qaz2wsx 1q2w3e 1q2w3e4r 1q2w3e4r5t q1w2e3r4 zaq12wsx zaq1zaq1 xsw2zaq1 qwe123 asd123 zxc123 qweasd
qweasdzxc asdf1234 qwer1234 poiuytrewq lkjhgfdsa mnbvcxz azerty azertyuiop qwertz qwertzuiop dvorak
fuckyou fuckme fuckoff asshole bitch bullshit shithead whatever nothing something anything everything nopassword
blahblah foobar foobarbaz helloworld hello hellohello hi howdy goodbye goodluck openup opensesame sesame abracadabra
correcthorsebatterystaple touchstone securitykey fido yubikey
`

// endings are added to each word.
var endings = []string{
	"", "1", "2", "3", "7", "9", "0", "01", "10", "11", "12", "13", "21", "22", "23", "69", "77", "88", "99", "00", "007", "100",
	"111", "123", "321", "666", "777", "999", "1234", "12345", "123456", "2020", "2021", "2022", "2023", "2024", "2025", "2026",
	"!", "!!", "1!", "12!", "123!", "1234!", "@", "@1", "@123", "@1234", "#1", "#123", "2024!", "2025!", "2026!", ".", "_1",
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: commonpasswords FILE")
	}
	var list []string
	for _, word := range strings.Fields(words) {
		for _, ending := range endings {
			list = append(list, word+ending)
		}
		list = append(list, word+word, word+"iloveyou", "my"+word, "the"+word)
	}
	list = append(list, runs()...)
	slices.Sort(list)
	list = slices.Compact(list)
	// Shorter ones are refused for their length, before the list is looked at.
	list = slices.DeleteFunc(list, func(p string) bool { return utf8.RuneCountInString(p) < 8 })

	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := z.Write([]byte(strings.Join(list, "\n"))); err != nil {
		log.Fatal(err)
	}
	if err := z.Close(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], out.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// runs are digits and letters repeated, counted up and down, and dates.
func runs() []string {
	var list []string
	for _, walk := range []string{
		"01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz",
		"qwertyuiopasdfghjklzxcvbnm",
	} {
		for length := 8; length <= 16; length++ {
			for start := 0; start+length <= len(walk); start++ {
				list = append(list, walk[start:start+length])
			}
		}
	}

	for c := '0'; c <= 'z'; c++ {
		if c > '9' && c < 'a' {
			continue
		}
		for length := 8; length <= 16; length++ {
			list = append(list, strings.Repeat(string(c), length))
		}
	}

	for _, pair := range []string{
		"12", "21", "123", "1234", "112233", "123123", "121212", "696969", "112233445566", "11223344",
		"147258369", "159753", "987654", "1357924680", "13579", "24680",
	} {
		for length := 8; length <= 16; length++ {
			list = append(list, strings.Repeat(pair, 1+length/len(pair))[:length])
		}
	}
	return list
}
