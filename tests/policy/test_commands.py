"""Secrets in what tools are called with, and in the links they send: what goes and what stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from commands import COMMANDS as LISTS
from engine_twins import difference, raw_difference
from rows import Row, hold, seen_otherwise
from scrubbing import scrubbed, scrubbed_text

COMMANDS: list[Row] = [
    ("twine upload -u __token__ -p Wint3rfell9 dist/*", ["Wint3rfell9"], ["dist/*"]),
    ("htpasswd -nbB bob Wint3rfell9 x", ["Wint3rfell9"], ["-nbB bob", " x"]),
    ("htpasswd -bn bob Wint3rfell9 x", ["Wint3rfell9"], ["bob", " x"]),
    ("htpasswd -bc /etc/web bob Wint3rfell9", ["Wint3rfell9"], ["/etc/web bob"]),
    ("rabbitmqctl add_user app Wint3rfell9", ["Wint3rfell9"], ["app"]),
    ("rabbitmqctl change_password app Wint3rfell9", ["Wint3rfell9"], ["app"]),
    ("wpa_passphrase home Wint3rfell9", ["Wint3rfell9"], ["home"]),
    ("mc alias set s3 https://s3.example KEY1 Wint3rfell9 --api x", ["Wint3rfell9"], ["--api x"]),
    ("chpasswd <<< 'root:Wint3rfell9' && ls", ["Wint3rfell9"], ["root:", "&& ls"]),
    ("echo 'root:Wint3rfell9' | sudo chpasswd", ["Wint3rfell9"], ["root:", "chpasswd"]),
    ("restic --password-command 'echo Wint3rfell9' backup", ["Wint3rfell9"], ["backup"]),
    ("impala --ldap_password_cmd='echo -n Wint3rfell9' -l", ["Wint3rfell9"], ["-l"]),
    ("curl -v \\\n  --proxy-user bob:Wint3rfell9 \\\n  http://x", ["Wint3rfell9"], ["http://x"]),
    ("mysql -h db \\\n  -pWint3rfell9 \\\n  shop", ["Wint3rfell9"], ["shop"]),
    ("security unlock-keychain -p wintertime build.keychain", ["wintertime"], ["build.keychain"]),
    ("security set-key-partition-list -S apple: -k wintertime k", ["wintertime"], ["-S apple:"]),
    ("dotnet nuget push a.nupkg -k wintertime -s https://x", ["wintertime"], ["-s https://x"]),
    ('gh secret set NPM --body "wintertime" -R x/y', ["wintertime"], ["-R x/y"]),
    ("gh secret set NPM -b wintertime", ["wintertime"], ["NPM"]),
    ("az keyvault secret set --name x --value wintertime", ["wintertime"], ["--name x"]),
    ("signtool sign /f c.pfx /p Wint3rfell9 app.exe", ["Wint3rfell9"], ["/f c.pfx", "app.exe"]),
    ("executed command [mysql, --password, Wint3rfell9, db]", ["Wint3rfell9"], ["mysql", ", db]"]),
    ("run [app, --api-key, wintertime-lemon]", ["wintertime"], ["[app, --api-key, "]),
    ("mysql -h db -P 3306 -pwintertime shop", ["wintertime"], ["-P 3306", " shop"]),
    ("redis-cli -p 6379 -a wintertime ping", ["wintertime"], ["-p 6379", " ping"]),
    ("ldapsearch -p 389 -D cn=a -w wintertime", ["wintertime"], ["-p 389"]),
    ("mosquitto_pub -p 1883 -P wintertime -t a", ["wintertime"], ["-p 1883", "-t a"]),
    ("rabbitmqadmin -P 15672 -p wintertime list", ["wintertime"], ["-P 15672", " list"]),
    ("sshpass -p 12345 ssh -p 2222 host", ["12345"], ["-p 2222"]),
    ("snmpwalk -v3 -A wintertime -X summertime r1", ["wintertime", "summertime"], [" r1"]),
    ("snmpwalk -u bob -a SHA -A Wint3rfell9 -x AES r1", ["Wint3rfell9"], ["-a SHA", "-x AES r1"]),
]

LINKS: list[Row] = [
    ("<Popen: ['git', 'clone', 'https://oauth2:Wint3rfell9...>", ["Wint3rfell9"], ["oauth2"]),
    ("connecting to amqp://app:wintertime…", ["wintertime"], ["amqp://app"]),
    ("redis://Wint3rFell9xQ7Zp2aB@cache:6379", ["Wint3rFell9xQ7Zp2aB"], ["cache:6379"]),
    ("GET /reset-password/Wint3rFell9xQ7Zp2aB 404", ["Wint3rFell9xQ7Zp2aB"], ["404"]),
    ("/accounts/reset/MQ/d2f3xk-" + "5f1e" * 8 + "/", ["5f1e5f1e"], ["/accounts/reset/MQ/"]),
    ("POST /reset/" + "5f1e8a0c" * 5, ["5f1e8a0c"], ["/reset/"]),
    ("/invite/accept/Wint3rFell9xQ7Zp2aB?x=1", ["Wint3rFell9xQ7Zp2aB"], ["?x=1"]),
]

REDIS: list[Row] = [
    ("AUTH Wint3rfell9", ["Wint3rfell9"], ["AUTH "]),
    ("AUTH default wintertime", ["wintertime"], ["AUTH default "]),
    ("AUTH app Wint3rfell9", ["Wint3rfell9"], ["AUTH app "]),
    (
        "HSET user:1 password wintertime city Bern",
        ["wintertime"],
        ["user:1 password ", " city Bern"],
    ),
    ("hset user:1 tries 3 password 'winter time'", ["winter time"], ["tries 3 password '"]),
    ('HSET u:1 name "Jane Roe" email "x@y.example" n 3', ["Jane Roe", "x@y"], [" n 3"]),
    ('["HSET user:1 token \\"wintertime\\" n 3"]', ["wintertime"], ["n 3"]),
]

HARMLESS = [
    "AUTH failed for bob, AUTH TLS, AUTH LOGIN, AUTH ?",
    "HSET cart:1 name Lamp total 12 password ? items 3",
    "hset of users: password policy",
    "docker --debug run -p 8080:80 image",
    "mysql -h db -P 3306 -u root -p",
    "redis-cli -h db -p 6379 ping",
    "psql -p 5432 -h db",
    "sshpass -e ssh -p 2222 host",
    "docker run --name mysql -p 3306:3306 -d mysql:8",
    "docker run --name mysql -p 127.0.0.1:3306:3306/tcp image",
    "unzip -p a.zip inner",
    "options [--user, --password, --host]",
    "see --password, user, and host",
    "[--token, required]",
    "twine upload -r testpypi dist/*",
    "gh issue create --body 'it is winter'",
    "nuget push failed with 409",
    "htpasswd -c /etc/web bob",
    "rabbitmqctl list_users",
    "rabbitmqctl add_vhost shop",
    "rabbitmqctl set_permissions -p / app",
    "wpa_passphrase: not found",
    "mc alias list s3",
    "mc alias set s3 https://s3.example $KEY $SECRET",
    "chpasswd: line 1: missing new password",
    "chpasswd < /run/users",
    "echo done | tee log",
    "echo 'total: 12 files' | sort",
    'echo "$PASSWORD" | sudo -S ls',
    "set --password-command 'pass show mail'",
    "password_command = 'secret-tool lookup x y'",
    "security find-identity -p codesigning",
    "signtool verify /pa app.exe",
    "snmpget -v3 -a SHA -x AES r1",
    "curl -v \\\n  -H 'Accept: x' \\\n  http://x",
    "mysql -h db \\\n  shop",
    "grep -u foo\nhttp -v",
    "Listening on http://localhost:3000...",
    "connecting to redis://cache:6379...",
    "GET https://shop.example.com/...",
    "clone https://host:port...",
    "redis://cache-replica-01.internal@x",
    "GET /password/reset/confirm 200",
    "src/invite/InviteAcceptController.java",
    "/verify/3f2a9c1e-1b2c-4d5e-8f90-a1b2c3d4e5f6",
    "/confirm/order-2024-11-27-00012",
    "/unsubscribe/newsletter_weekly_digest_2024",
    "/activation/functions/LeakyReluWithGradient",
    "git reset 5f1e8a0c5f1e8a0c5f1e8a0c5f1e8a0c5f1e8a0c",
    "/reset/index.html",
    "/api/v2/invites/new",
    "+ helm upgrade x --set db.size=10Gi,replicas=3",
]


@pytest.mark.parametrize(("text", "gone", "stay"), [*COMMANDS, *LINKS, *REDIS])
def test_what_a_command_or_a_link_holds_goes(text: str, gone: list[str], stay: list[str]) -> None:
    hold(text, gone, stay)


@pytest.mark.parametrize("text", HARMLESS)
def test_commands_and_links_without_secrets_stay(text: str) -> None:
    hold(text, [], [text])


def test_the_engine_sees_it_as_the_walk_does() -> None:
    harmless: list[Row] = [(text, [], []) for text in HARMLESS]
    assert seen_otherwise([*COMMANDS, *LINKS, *REDIS, *harmless]) == []


PRINTED: dict[str, Callable[[list[str]], str]] = {
    "Python": repr,
    "Python, a tuple": lambda command: f"Command '{tuple(command)}' returned non-zero",
    "Python, bytes": lambda command: repr([each.encode() for each in command]),
    "Python, a call": lambda command: f'run("{command[0]}", {json.dumps(command[1:])})',
    "PHP": lambda command: str(command).replace(", ", ","),
    "JSON": lambda command: f"ran {json.dumps(command, indent=2)}.",
    "Go": lambda command: f"exec: [{' '.join(map(json.dumps, command))}]",
    "Go, source": lambda command: "[]string{" + json.dumps(command)[1:-1] + "}",
    "Java": lambda command: f"[{', '.join(command)}]",
    "Node": lambda command: (
        "Error: spawn x ENOENT {\n  errno: -2,\n"
        f"  path: '{command[0]}',\n  spawnargs: [ {str(command[1:])[1:-1]} ]\n}}"
    ),
    "Node, of several lines": lambda command: (
        "[\n" + ",\n".join(f"    '{each}'" for each in command) + "\n]"
    ),
}


@pytest.mark.parametrize("printed", PRINTED.values(), ids=list(PRINTED))
@pytest.mark.parametrize("command", LISTS)
def test_passwords_go_from_lists_that_are_printed(
    command: list[str], printed: Callable[[list[str]], str]
) -> None:
    text = printed(command)
    for tree in ({"message": text}, {"extra": {"note": json.dumps(text)}}):
        left = str(scrubbed(tree))
        assert "hunter2secret" not in left
        assert command[0] in left
        assert difference("default", "event", tree) is None
        assert raw_difference("default", "event", json.dumps(tree).encode()) is None


@pytest.mark.parametrize("printed", PRINTED.values(), ids=list(PRINTED))
@pytest.mark.parametrize(
    "command",
    [
        ["redis-cli", "-h", "db", "-p", "6379", "ping"],
        ["mysql", "-P", "3306", "-h", "db"],
        ["psql", "-p", "5432"],
        ["scp", "-P", "2222", "a", "b"],
        ["sshpass", "-e", "ssh", "-p", "2222", "host"],
        ["docker", "run", "-p", "8080:80", "image"],
        ["openssl", "req", "-keyout", "a.pem"],
    ],
)
def test_other_arguments_that_are_printed_stay(
    command: list[str], printed: Callable[[list[str]], str]
) -> None:
    tree = {"message": printed(command)}
    assert scrubbed(tree) == tree


def test_a_password_with_a_space_goes_whole_from_a_list() -> None:
    assert scrubbed_text("['docker', 'login', '-p', 'winter fell', 'x']") == (
        "['docker', 'login', '-p', '[password]', 'x']"
    )


@pytest.mark.parametrize("command", LISTS)
def test_passwords_go_from_lists_of_arguments(command: list[str]) -> None:
    for arguments in (command, [repr(each) for each in command]):
        tree = {"extra": {"command": arguments}}
        left = scrubbed(tree)["extra"]["command"]
        assert "hunter2secret" not in str(left)
        assert left[0] == arguments[0]
        assert difference("default", "event", tree) is None
        for indent in (None, 2):
            data = json.dumps(tree, indent=indent).encode()
            assert raw_difference("default", "event", data) is None


@pytest.mark.parametrize("command", LISTS)
def test_passwords_go_from_what_node_could_not_run(command: list[str]) -> None:
    tool, *arguments = command
    for error in (
        {"code": "ENOENT", "path": tool, "spawnargs": arguments},
        {"spawnfile": f"'/usr/bin/{tool}'", "spawnargs": [repr(each) for each in arguments]},
        {"spawnfile": tool, "spawnargs": command},
    ):
        tree = {"contexts": {"Error": error}}
        assert "hunter2secret" not in str(scrubbed(tree))
        assert difference("default", "event", tree) is None
        assert raw_difference("default", "event", json.dumps(tree).encode()) is None


def test_other_arguments_of_what_node_could_not_run_stay() -> None:
    tree = {
        "extra": {"path": "redis-cli", "spawnargs": ["-p", "6379"], "n": [{"spawnargs": ["-p"]}]}
    }
    assert scrubbed(tree) == tree
    assert difference("default", "event", tree) is None


@pytest.mark.parametrize(
    "command",
    [
        ["gunicorn", "-w", "4", "-b", "0.0.0.0:80"],
        ["docker", "run", "-p", "8080:80", "image"],
        ["python", "-m", "pip", "-v"],
        ["mysql", "-h", "db", "-P", "3306", "-p"],
        ["redis-cli", "-p", "6379", "ping"],
        ["psql", "-p", "5432"],
        ["scp", "-P", "2222", "a", "host:b"],
        ["sshpass", "-e", "ssh", "-p", "2222", "host"],
        ["curl", "-u", "bob", "-X", "POST"],
        ["mysql", "x -p y", "z"],
        ["mysql", "-p"],
        [{"mysql": 1}, "-p", 7],
    ],
)
def test_other_arguments_stay(command: Any) -> None:
    tree = {"extra": {"command": command}}
    assert scrubbed(tree) == tree
    assert difference("default", "event", tree) is None
