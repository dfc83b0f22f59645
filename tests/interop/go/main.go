// The client of article 000: it tells what happens to it, a line each, and leaves when its input ends.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// pingResponses tells each PINGRESP, which the library only writes to its log.
type pingResponses struct{}

func (pingResponses) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "received pingresp") {
		fmt.Println("PINGRESP")
	}
	return len(line), nil
}

func main() {
	mqtt.DEBUG = log.New(pingResponses{}, "", 0)
	seconds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	keepAlive := time.Duration(seconds) * time.Second
	lost := make(chan error, 1)
	options := mqtt.NewClientOptions().
		AddBroker(os.Args[1]).
		SetKeepAlive(keepAlive).
		SetAutoReconnect(false).
		SetOrderMatters(true).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { lost <- err })
	client := mqtt.NewClient(options)
	await(client.Connect())
	fmt.Println("Connected")
	await(client.Subscribe("/World", 2, func(_ mqtt.Client, message mqtt.Message) {
		fmt.Printf("%s %s, QoS %d\n", message.Topic(), message.Payload(), message.Qos())
	}))
	for qos := byte(0); qos <= 2; qos++ {
		await(client.Publish("/World", qos, false, "hello"))
	}
	fmt.Println("Published")
	left := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(left)
	}()
	select {
	case err := <-lost:
		fmt.Println("Connect lost:", err)
	case <-left:
		client.Disconnect(250)
		fmt.Println("Disconnected")
	}
}

func await(token mqtt.Token) {
	token.Wait()
	if err := token.Error(); err != nil {
		log.Fatal(err)
	}
}
