"""Object storage that speaks the S3 API, from PyPI: moto with signatures checked, and MiniStack."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .support import Skip, free_port, listens, wait_until


@dataclass
class ObjectStorage:
    """A private server with one bucket, and who may use it."""

    kind: str
    directory: Path
    port: int = field(default_factory=free_port)
    access_key: str = ""
    secret_key: str = ""
    process: subprocess.Popen | None = None

    BUCKET = "backup"

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The credentials, as programs expect them."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def credentials_file(self) -> Path:
        """The credentials, in a file of the form that AWS's tools read."""
        path = self.directory / "credentials"
        path.write_text(
            f"[default]\naws_access_key_id = {self.access_key}\n"
            f"aws_secret_access_key = {self.secret_key}\n")
        path.chmod(0o600)
        return path

    def __enter__(self) -> "ObjectStorage":
        try:
            import boto3  # noqa: F401
        except ImportError as missing:
            raise Skip(f"{missing}: pip install -r tools/requirements.txt") from None
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.kind == "moto":
            # The first four calls, which make the user and the bucket, are let through; from then on
            # every signature is checked.
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
            extra = {"INITIAL_NO_AUTH_ACTION_COUNT": "4"}
        else:
            command = [sys.executable, "-m", "ministack"]
            extra = {"GATEWAY_PORT": str(self.port), "MINISTACK_HOST": "127.0.0.1",
                     "SERVICES": "s3", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
        with open(self.directory / "storage.log", "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, **extra}, cwd=self.directory)
        wait_until(lambda: listens(self.port), 60, f"{self.kind}")
        self.prepare()
        return self

    def client(self, service: str = "s3"):
        """Another S3 client than ours, to look and to do harm."""
        import boto3
        from botocore.config import Config
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id=self.access_key or "none",
            aws_secret_access_key=self.secret_key or "none",
            config=Config(s3={"addressing_style": "path"}))

    def prepare(self) -> None:
        """Makes the user and the bucket."""
        if self.kind == "moto":
            iam = self.client("iam")
            iam.create_user(UserName="waybill")
            iam.put_user_policy(
                UserName="waybill", PolicyName="all",
                PolicyDocument='{"Version": "2012-10-17", "Statement":'
                               ' [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}')
            made = iam.create_access_key(UserName="waybill")["AccessKey"]
            self.client().create_bucket(Bucket=self.BUCKET)
            self.access_key, self.secret_key = made["AccessKeyId"], made["SecretAccessKey"]
        else:
            self.access_key, self.secret_key = "test", "test"
            self.client().create_bucket(Bucket=self.BUCKET)

    def objects(self, prefix: str = "") -> list[str]:
        """The names of all objects."""
        pages = self.client().get_paginator("list_objects_v2").paginate(
            Bucket=self.BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def __exit__(self, *_) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
