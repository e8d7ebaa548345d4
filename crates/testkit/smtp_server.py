"""A real SMTP server for tests: aiosmtpd, which keeps every mail in a folder as JSON.

Addresses that begin with `refused` are refused for good, those with `later` for now.
"""
import argparse
import asyncio
import json
import os
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return f"550 5.1.1 <{address}>: Recipient address rejected"
        if address.startswith("later"):
            return f"451 4.7.1 <{address}>: Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        is_encrypted = server.transport.get_extra_info("sslcontext") is not None
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": is_encrypted,
            "user": (session.auth_data.login.decode() if session.auth_data else None),
            "data": envelope.content.decode("utf-8"),
        }
        name = os.path.join(self.folder, f"{os.getpid()}-{self.count:06}")
        with open(name + ".partial", "w", encoding="utf-8") as file:
            json.dump(mail, file)
        os.rename(name + ".partial", name + ".json")
        return "250 OK"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    asked = parser.parse_args()
    context = None
    if asked.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(asked.cert, asked.key)

    def authenticate(server, session, envelope, mechanism, data):
        is_right = data.login.decode() == asked.user and data.password.decode() == asked.password
        return AuthResult(success=is_right, handled=False, auth_data=data)

    handler = Handler(asked.folder)

    def protocol():
        return SMTP(
            handler,
            hostname="localhost",
            enable_SMTPUTF8=True,
            tls_context=context if asked.tls == "starttls" else None,
            require_starttls=asked.tls == "starttls",
            authenticator=authenticate if asked.user else None,
            auth_required=bool(asked.user),
            auth_require_tls=asked.tls == "starttls",
        )

    async def serve():
        loop = asyncio.get_running_loop()
        implicit = context if asked.tls == "implicit" else None
        server = await loop.create_server(protocol, "127.0.0.1", asked.port, ssl=implicit)
        print("ready", flush=True)
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
