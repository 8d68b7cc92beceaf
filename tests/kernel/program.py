"""What runs on every machine of a built world: it answers on some ports, and asks others when it is told to.

Started as `program.py NAME [tcp/PORT | udp/PORT]…`. An answer says who answers and whom it saw: "web-1 10.0.0.99".
Each line on its input is a question in JSON, `[number, protocol, address, port, times, patience]`; each line that it
prints is `[number, [what was heard each time]]`, in the order in which they are done.
"""

import json
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

AT_ONCE = 8
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
NO_ROUTE = (101, 113)  # ENETUNREACH, EHOSTUNREACH
printing = threading.Lock()


def serve(name: str, kind: str, port: int) -> None:
    server = socket.socket(socket.AF_INET, KINDS[kind])
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("0.0.0.0", port))
    if kind == "udp":
        while True:
            peer = server.recvfrom(100)[1]
            server.sendto(f"{name} {peer[0]}".encode(), peer)
    server.listen(4096)
    while True:
        one, peer = server.accept()
        one.sendall(f"{name} {peer[0]}".encode())
        one.close()


def heard(kind: str, address: str, port: int, patience: float) -> str:
    with socket.socket(socket.AF_INET, KINDS[kind]) as one:
        one.settimeout(patience)
        try:
            one.connect((address, port))
            if kind == "udp":
                one.send(b"?")
            return one.recv(100).decode()
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "no answer"
        except OSError as error:
            return "unreachable" if error.errno in NO_ROUTE else str(error)


def ask(number: int, kind: str, address: str, port: int, times: int, patience: float) -> None:
    with ThreadPoolExecutor(AT_ONCE) as those:
        told = list(those.map(lambda _time: heard(kind, address, port, patience), range(times)))
    with printing:
        print(json.dumps([number, told]), flush=True)


def main() -> None:
    for pair in sys.argv[2:]:
        kind, port = pair.split("/")
        threading.Thread(target=serve, args=(sys.argv[1], kind, int(port)), daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        threading.Thread(target=ask, args=json.loads(line), daemon=True).start()


if __name__ == "__main__":
    main()
