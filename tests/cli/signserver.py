#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server over TLS that computes what clients should have sent:

    signserver.py CERTIFICATE KEY DIRECTORY LOG PORTFILE

Files of DIRECTORY below /s3/ for requests that are signed by AWS Signature
Version 4 with the key below; /cut/ is the same and breaks each transfer of a
whole file in the middle; /moved/ leads to /s3/, /away/ to /open/ by the name
127.0.0.1 in place of localhost.  /open/ and /headers/ take anything.  /v2/ is
a registry of one image (its files in DIRECTORY/v2), which wants a token that
/token gives for an identity token.  LOG gets a line for each request: what was
asked, how it was signed, and the headers that must not go astray.  It ends
with who started it.
"""
import ctypes
import hashlib
import hmac
import http.server
import os
import signal
import ssl
import sys
import threading
import urllib.parse

ACCESS, SECRET, REGION = "AKIDEXAMPLE", "s3cret/KEY+", "eu-test-1"
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
certificate, private, directory, log_name, port_file = sys.argv[1:]
lock = threading.Lock()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def quote(text, safe):
    return urllib.parse.quote(urllib.parse.unquote_to_bytes(text), safe=safe)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, how):
        extra = [f"{h}={self.headers[h]}" for h in ("Private-Token", "X-Amz-Date", "Range") if self.headers[h]]
        kind = (self.headers["Authorization"] or "none").split()[0]
        with lock, open(log_name, "a") as f:
            f.write(" ".join([self.command, self.path, how, "auth=" + kind] + extra) + "\n")

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def expected(self, names):
        path, _, query = self.path.partition("?")
        pairs = [p.partition("=") for p in query.split("&") if p]
        query = "&".join(sorted(quote(n, "-._~") + "=" + quote(v, "-._~") for n, _, v in pairs))
        lines = [self.command, quote(path, "/-._~"), query]
        lines += [n + ":" + self.headers[n].strip() for n in names]
        lines += ["", ";".join(names), self.headers["x-amz-content-sha256"]]
        stamp = self.headers["x-amz-date"]
        scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()])
        key = ("AWS4" + SECRET).encode()
        for part in scope.split("/"):
            key = mac(key, part)
        return f"AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, SignedHeaders={';'.join(names)}, " \
               f"Signature={mac(key, text).hex()}"

    def signed(self):
        given = self.headers["Authorization"] or ""
        if not given.startswith("AWS4-HMAC-SHA256 "):
            return "unsigned"
        names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        needed = {"host", "x-amz-date", "x-amz-content-sha256"}
        if self.headers["Range"]:
            needed.add("range")
        if not needed <= set(names) or names != sorted(names) or any(self.headers[n] is None for n in names):
            return "incomplete"
        if self.headers["x-amz-content-sha256"] != hashlib.sha256(b"").hexdigest():
            return "payload"
        return "signed" if given == self.expected(names) else "wrong"

    def file(self, name, cut=False):
        path = os.path.join(directory, os.path.basename(urllib.parse.unquote(name.partition("?")[0])))
        if not os.path.isfile(path):
            return self.answer(404)
        with open(path, "rb") as f:
            body = f.read()
        tag = '"' + hashlib.sha256(body).hexdigest() + '"'
        if self.headers["Range"]:
            first = int(self.headers["Range"][len("bytes="):-1])
            return self.answer(206, body[first:], ETag=tag,
                               Content_Range=f"bytes {first}-{len(body) - 1}/{len(body)}")
        if not cut:
            return self.answer(200, body, ETag=tag)
        self.send_response(200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2])
        self.close_connection = True

    def registry(self):
        name = self.path.rpartition("/")[2].replace(":", "-")
        if self.headers["Authorization"] != "Bearer bought":
            self.note("refused")
            realm = f"https://{self.headers['Host']}/token"
            return self.answer(401, WWW_Authenticate=f'Bearer realm="{realm}",service="here"')
        self.note("taken")
        with open(os.path.join(directory, "v2", name), "rb") as f:
            body = f.read()
        kind = "application/vnd.oci.image.manifest.v1+json" if "/manifests/" in self.path else "application/octet-stream"
        return self.answer(200, body, Content_Type=kind)

    def do_GET(self):
        place = self.path.split("/")[1]
        if place == "v2":
            return self.registry()
        how = self.signed()
        self.note(how)
        if place == "moved":
            return self.answer(307, Location="/s3/" + self.path.split("/", 2)[2])
        if place == "away":
            port = self.headers["Host"].rpartition(":")[2]
            return self.answer(307, Location=f"https://127.0.0.1:{port}/open/" + self.path.split("/", 2)[2])
        if place in ("s3", "cut") and how != "signed":
            return self.answer(403)
        return self.file(self.path.rpartition("/")[2], place == "cut")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(urllib.parse.parse_qsl(body))
        good = form.get("grant_type") == "refresh_token" and form.get("refresh_token") == "it/+= &x" and \
            form.get("service") == "here" and form.get("client_id") and form.get("scope") == "repository:app:pull"
        self.note("good" if good else "bad")
        self.answer(200 if good else 400, b'{"access_token":"bought","expires_in":300}' if good else b"{}")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, private)
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
with open(port_file + ".new", "w") as out:
    out.write(str(server.server_address[1]) + "\n")
os.rename(port_file + ".new", port_file)
signal.pause()
