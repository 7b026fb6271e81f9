"""Commands as lists of arguments, among which a password, `hunter2secret`, has no name."""

COMMANDS = [
    ["sshpass", "-p", "hunter2secret", "ssh", "host"],
    ["mysql", "-h", "db", "-phunter2secret", "shop"],
    ["curl", "-s", "-u", "bob:hunter2secret", "https://x.example"],
    ["curl", "--user", "bob:hunter2secret", "https://x.example"],
    ["redis-cli", "-a", "hunter2secret", "ping"],
    ["redis-cli", "-p", "6379", "-a", "hunter2secret"],
    ["mysql", "-P", "3306", "-phunter2secret"],
    ["unzip", "-P", "hunter2secret", "a.zip"],
    ["docker", "login", "-u", "bob", "-p", "hunter2secret", "x.example"],
    ["docker", "--debug", "login", "-u", "bob", "-p", "hunter2secret", "x.example"],
    ["docker", "--config", "/etc/x", "login", "-p", "hunter2secret"],
    ["smbclient", "-U", "bob%hunter2secret", "//host/share"],
    ["snmpget", "-v3", "-A", "hunter2secret", "host"],
    ["gh", "secret", "set", "NPM", "--body", "hunter2secret"],
    ["openssl", "enc", "-k", "hunter2secret"],
]
