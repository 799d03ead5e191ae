// Go's pkg/sftp as a client; arguments and operations: Library in ../clients.py.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func login(user, password, keyPath, knownHosts string, rekeyBytes uint64) *ssh.ClientConfig {
	check, err := knownhosts.New(knownHosts)
	must(err)
	method := ssh.Password(password)
	if password == "" {
		pem, err := os.ReadFile(keyPath)
		must(err)
		signer, err := ssh.ParsePrivateKey(pem)
		must(err)
		method = ssh.PublicKeys(signer)
	}
	return &ssh.ClientConfig{
		Config:          ssh.Config{RekeyThreshold: rekeyBytes},
		User:            user,
		Auth:            []ssh.AuthMethod{method},
		HostKeyCallback: check,
		// The package prefers host keys by its own order; ask for what is known.
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	}
}

func copyAll(to io.WriteCloser, from io.ReadCloser) {
	_, err := io.Copy(to, from)
	must(err)
	must(to.Close())
	must(from.Close())
}

func put(client *sftp.Client, local, remote string, flags int) {
	from, err := os.Open(local)
	must(err)
	to, err := client.OpenFile(remote, flags)
	must(err)
	if flags&os.O_TRUNC == 0 {
		have, err := to.Seek(0, io.SeekEnd)
		must(err)
		_, err = from.Seek(have, io.SeekStart)
		must(err)
	}
	copyAll(to, from)
}

func get(client *sftp.Client, remote, local string, flags int) {
	from, err := client.Open(remote)
	must(err)
	to, err := os.OpenFile(local, flags, 0o600)
	must(err)
	have, err := to.Seek(0, io.SeekEnd)
	must(err)
	_, err = from.Seek(have, io.SeekStart)
	must(err)
	copyAll(to, from)
}

func list(client *sftp.Client, remote string) {
	entries, err := client.ReadDir(remote)
	must(err)
	for _, entry := range entries {
		fmt.Println(entry.Name())
	}
}

func perform(client *sftp.Client, words []string) {
	switch words[0] {
	case "ls":
		list(client, words[1])
	case "put":
		put(client, words[1], words[2], os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	case "reput":
		put(client, words[1], words[2], os.O_WRONLY)
	case "get":
		get(client, words[1], words[2], os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	case "reget":
		get(client, words[1], words[2], os.O_WRONLY)
	case "rename":
		must(client.Rename(words[1], words[2]))
	case "rm":
		must(client.Remove(words[1]))
	case "mkdir":
		must(client.Mkdir(words[1]))
	case "rmdir":
		must(client.RemoveDirectory(words[1]))
	default:
		log.Fatalf("unknown operation %q", words[0])
	}
}

func main() {
	rekeyBytes, err := strconv.ParseUint(os.Args[6], 10, 64)
	must(err)
	conn, err := ssh.Dial("tcp", "127.0.0.1:"+os.Args[1],
		login(os.Args[2], os.Args[3], os.Args[4], os.Args[5], rekeyBytes))
	must(err)
	defer conn.Close()
	client, err := sftp.NewClient(conn)
	must(err)
	defer client.Close()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		perform(client, strings.Split(lines.Text(), "\t"))
	}
}
