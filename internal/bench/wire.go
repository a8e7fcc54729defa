package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/sigv4"
)

const (
	rounds    = 5
	roundTime = 1500 * time.Millisecond
)

// account is what 'touchstone account create --output json' prints.
type account struct {
	AccountID       string `json:"AccountId"`
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
}

// wire measures signed requests beside the echo, at 1, 8 and 64 connections, with events of reads off and queued.
func wire(ctx context.Context, binary string) error {
	echo, err := start(ctx, os.Args[0], nil, "-echo")
	if err != nil {
		return err
	}
	defer echo.stop()

	for _, reads := range []struct {
		mode                   string
		callerTarget, getFloor float64
	}{{"off", 0.45, 0.35}, {"queue", 0.35, 0.30}} {
		data, err := os.MkdirTemp("", "touchstone-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(data)

		made, err := makeAccount(ctx, binary, data)
		if err != nil {
			return err
		}

		server, err := start(ctx, binary, []string{"serve", "--data", data, "--audit-reads", reads.mode, "--log-level", "warn"},
			"--listen")
		if err != nil {
			return err
		}

		requests := map[string][]byte{
			"GetCallerIdentity": signed(server.address, made, "sts", url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}}),
			"GetUser":           signed(server.address, made, "iam", url.Values{"Action": {"GetUser"}, "Version": {"2010-05-08"}}),
		}
		for _, connections := range []int{1, 8, 64} {
			for _, name := range []string{"GetCallerIdentity", "GetUser"} {
				target := 0.0
				if connections == 64 {
					target = map[string]float64{"GetCallerIdentity": reads.callerTarget, "GetUser": reads.getFloor}[name]
				}
				if err := beside(echo.address, server.address, name, reads.mode, requests[name], connections, target); err != nil {
					return errors.Join(err, server.stop())
				}
			}
		}

		if err := server.stop(); err != nil {
			return err
		}
	}
	return nil
}

// beside alternates rounds on the echo and the server, and reports the medians.
func beside(echo, server, name, reads string, request []byte, connections int, target float64) error {
	body := request[bytes.Index(request, []byte("\r\n\r\n"))+4:]
	control := []byte(fmt.Sprintf("POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", echo, len(body), body))

	var ratios, rates, p99s []float64
	for range rounds {
		bare, err := load(echo, control, connections)
		if err != nil {
			return fmt.Errorf("echo: %w", err)
		}
		got, err := load(server, request, connections)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		ratios = append(ratios, got.rate/bare.rate)
		rates = append(rates, got.rate)
		p99s = append(p99s, float64(got.p99.Microseconds()))
	}

	label := fmt.Sprintf("%s/reads=%s/connections=%d", name, reads, connections)
	report(label+"/rate", median(rates), "requests/s", 0, 0)
	report(label+"/p99", median(p99s), "us", 0, 0)
	report(label+"/of-echo", median(ratios), "ratio", 0, target)
	return nil
}

// result is what a round came to.
type result struct {
	rate float64 // requests a second
	p99  time.Duration
}

// load sends the request again and again on each connection for a round.
func load(address string, request []byte, connections int) (result, error) {
	var (
		mu    sync.Mutex
		all   []time.Duration
		fault error
		wg    sync.WaitGroup
	)

	begun := time.Now()
	until := begun.Add(roundTime)
	for range connections {
		wg.Go(func() {
			took, err := loop(address, request, until)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			fault = errors.Join(fault, err)
		})
	}
	wg.Wait()

	elapsed := time.Since(begun)
	if fault != nil || len(all) == 0 {
		return result{}, errors.Join(fault, errors.New("no request was answered"))
	}

	slices.Sort(all)
	return result{rate: float64(len(all)) / elapsed.Seconds(), p99: all[len(all)*99/100]}, nil
}

// loop sends the request again and again on one connection until the time, and returns how long each answer took.
func loop(address string, request []byte, until time.Time) (took []time.Duration, err error) {
	err = send(address, func() []byte {
		if time.Now().After(until) {
			return nil
		}
		return request
	}, func(d time.Duration) { took = append(took, d) })
	return took, err
}

// sendEach sends requests one after the other on a connection.
func sendEach(address string, requests [][]byte) error {
	return send(address, func() []byte {
		if len(requests) == 0 {
			return nil
		}
		next := requests[0]
		requests = requests[1:]
		return next
	}, func(time.Duration) {})
}

// send sends requests on a connection until next returns nil. It calls took after each with the time until its answer.
func send(address string, next func() []byte, took func(time.Duration)) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)

	for request := next(); request != nil; request = next() {
		sent := time.Now()
		if _, err := conn.Write(request); err != nil {
			return err
		}
		if err := answer(in); err != nil {
			return err
		}
		took(time.Since(sent))
	}
	return nil
}

// answer reads an answer, which must have the status 200. It skips the body, and of the headers it looks only at the length.
func answer(in *bufio.Reader) error {
	length, first := -1, true
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first {
			if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
				return fmt.Errorf("answered %s", line)
			}
			first = false
		}
		if len(line) <= 2 {
			break
		}
		if name := []byte("Content-Length: "); bytes.HasPrefix(line, name) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(name):]))); err != nil {
				return err
			}
		}
	}

	if length < 0 {
		return errors.New("an answer without Content-Length")
	}

	_, err := in.Discard(length)
	return err
}

// signed returns a signed request as it goes over the wire.
func signed(address string, a account, service string, form url.Values) []byte {
	body := form.Encode()
	r, err := http.NewRequest(http.MethodPost, "http://"+address+"/", strings.NewReader(body))
	if err != nil {
		panic(err) // the address is our own
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("User-Agent", "aws-cli/2.0 bench")
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey}, "us-east-1",
		service, time.Now())

	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		panic(err) // a buffer takes everything
	}
	return text.Bytes()
}

// makeAccount makes an account on SQLite, with its data in the directory.
func makeAccount(ctx context.Context, binary, data string) (account, error) {
	return makeAccountIn(ctx, binary, []string{"--data", data})
}

// makeAccountIn makes an account in the database that the flags name, with an e-mail address of its own.
func makeAccountIn(ctx context.Context, binary string, flags []string) (a account, err error) {
	args := append([]string{"account", "create", "--access-key", "--output", "json", "--root-email", ids.New() + "@example.com"},
		flags...)
	out, err := exec.CommandContext(ctx, binary, args...).Output()
	if err != nil {
		return a, fmt.Errorf("account create: %w", err)
	}
	return a, json.Unmarshal(out, &a)
}

// running is a server in a process of its own.
type running struct {
	cmd     *exec.Cmd
	address string
	took    time.Duration // until it accepted connections
}

// start starts a program on a free port and waits until it accepts connections.
func start(ctx context.Context, program string, args []string, listenFlag string) (*running, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &running{address: l.Addr().String()}
	l.Close()

	r.cmd = exec.CommandContext(ctx, program, append(args, listenFlag, r.address)...)
	r.cmd.Stdout, r.cmd.Stderr = io.Discard, os.Stderr
	begun := time.Now()
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}

	for time.Since(begun) < 10*time.Second {
		conn, err := net.Dial("tcp", r.address)
		if err == nil {
			r.took = time.Since(begun)
			return r, conn.Close()
		}
		time.Sleep(200 * time.Microsecond)
	}
	return nil, errors.Join(fmt.Errorf("%s does not listen on %s", program, r.address), r.stop())
}

// stop interrupts the server and waits until it has ended.
func (r *running) stop() error {
	r.cmd.Process.Signal(os.Interrupt) //nolint:errcheck // Wait says so when the process is gone already
	err := r.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		return nil // ended by the signal
	}
	return err
}
