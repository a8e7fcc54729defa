// Command withpostgres runs a command beside a private PostgreSQL server, which it names to the command in
// TOUCHSTONE_TEST_DATABASE and removes at the end.
package main

import (
	"errors"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("withpostgres: ")
	if len(os.Args) < 2 {
		log.Fatal("usage: withpostgres COMMAND [ARGUMENT…]")
	}
	code, err := run(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

func run(args []string) (code int, err error) {
	cluster, err := storetest.NewCluster()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cluster.Remove()) }()

	// The command has the same terminal and gets the signal too; this process stays to clean up.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "TOUCHSTONE_TEST_DATABASE="+cluster.URL())
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}
