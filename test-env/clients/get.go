// An HTTP client that knows nothing of Envoy or meshcapture, and needs no C library: prints what it is answered.
//
//	get HOST:PORT
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

func main() {
	connection, err := net.DialTimeout("tcp", os.Args[1], 10*time.Second)
	if err == nil {
		connection.SetDeadline(time.Now().Add(10 * time.Second))
		_, err = fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	answer := bufio.NewReader(connection)
	for line, err := answer.ReadString('\n'); err == nil && line != "\r\n"; line, err = answer.ReadString('\n') {
	}
	io.Copy(os.Stdout, answer)
}
