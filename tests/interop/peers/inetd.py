"""PORT COMMAND...: accept on 127.0.0.1:PORT and run COMMAND on each connection, its
standard input and output the socket; for servers that expect inetd or tcpserver.
"""

import socket
import subprocess
import sys
import threading


def serve(connection):
    with connection:
        peer = subprocess.Popen(sys.argv[2:], stdin=connection, stdout=connection)
    peer.wait()


with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
