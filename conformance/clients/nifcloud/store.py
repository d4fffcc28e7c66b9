"""A store of objects for `sync.py`: moto as a server on a free port, with one bucket and one user who may use it.

Prints the endpoint and the user's access key and secret, and serves until it is killed. Signatures are checked.
"""

import json
import os
import sys
import threading

# Making the user, the key, its rights and the bucket; from then on everything has to be signed.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"

import boto3
from moto.server import ThreadedMotoServer


def client(service, endpoint, access_key="setup", secret="setup"):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
    )


if __name__ == "__main__":
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    people = client("iam", endpoint)
    people.create_user(UserName="sync")
    key = people.create_access_key(UserName="sync")["AccessKey"]
    rights = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    people.put_user_policy(UserName="sync", PolicyName="all", PolicyDocument=json.dumps(rights))
    client("s3", endpoint).create_bucket(Bucket=sys.argv[1])
    print(endpoint, key["AccessKeyId"], key["SecretAccessKey"], flush=True)
    threading.Event().wait()
