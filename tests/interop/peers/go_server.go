// Go's pkg/sftp as a server; arguments: _peer in ../servers.py.
package main

import (
	"bytes"
	"errors"
	"log"
	"net"
	"os"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func config(hostKey, user, password, authorizedKeys string) *ssh.ServerConfig {
	pem, err := os.ReadFile(hostKey)
	must(err)
	signer, err := ssh.ParsePrivateKey(pem)
	must(err)
	line, err := os.ReadFile(authorizedKeys)
	must(err)
	known, _, _, _, err := ssh.ParseAuthorizedKey(line)
	must(err)
	c := &ssh.ServerConfig{
		Config: ssh.Config{RekeyThreshold: 16 << 20},
		PasswordCallback: func(conn ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
			if conn.User() == user && string(given) == password {
				return nil, nil
			}
			return nil, errors.New("wrong password")
		},
		PublicKeyCallback: func(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if conn.User() == user && bytes.Equal(key.Marshal(), known.Marshal()) {
				return nil, nil
			}
			return nil, errors.New("unknown key")
		},
	}
	c.AddHostKey(signer)
	return c
}

func serve(raw net.Conn, c *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(raw, c)
	if err != nil {
		log.Print(err)
		return
	}
	go ssh.DiscardRequests(requests)
	for wanted := range channels {
		channel, requests, err := wanted.Accept()
		must(err)
		go func() {
			for request := range requests {
				// The payload is the subsystem's name as an SSH string.
				ok := request.Type == "subsystem" && string(request.Payload[4:]) == "sftp"
				request.Reply(ok, nil)
			}
		}()
		go func() {
			defer channel.Close()
			server, err := sftp.NewServer(channel)
			must(err)
			log.Print("session ended: ", server.Serve())
		}()
	}
}

func main() {
	c := config(os.Args[3], os.Args[4], os.Args[5], os.Args[6])
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	must(err)
	for {
		raw, err := listener.Accept()
		must(err)
		go serve(raw, c)
	}
}
