"""Configurations of sshd that serve SFTP and nothing else, as people write them: each
must mean the same to ferryd. NAME -> text. DIR stands for the test's directory."""

CHROOT = """
Subsystem sftp internal-sftp
Match Group GROUP
    ChrootDirectory /srv/sftp/%u
    ForceCommand internal-sftp
    AllowTcpForwarding no
    X11Forwarding no
"""

# Included by some of the texts.
INCLUDED = {
    "d/10-first.conf": "PasswordAuthentication no\nMaxSessions 4\n",
    "d/20-second.conf": "MaxSessions 5\nMatch User root\nMaxAuthTries 2\n",
    "inner.conf": "Banner /etc/inner\nMatch Address 10.0.0.0/8\nMaxSessions 7\n",
}

TEXTS = {
    "empty": "",
    "chroot by group": CHROOT,
    "chroot by user": CHROOT.replace("Group GROUP", "User root"),
    "debian stock without x11": """
Include /etc/ssh/sshd_config.d/none-*.conf
KbdInteractiveAuthentication no
UsePAM yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
""",
    "debian of old": """
Port 22
Protocol 2
UsePrivilegeSeparation yes
KeyRegenerationInterval 3600
ServerKeyBits 768
SyslogFacility AUTH
LogLevel INFO
LoginGraceTime 120
PermitRootLogin without-password
StrictModes yes
RSAAuthentication yes
PubkeyAuthentication yes
IgnoreRhosts yes
RhostsRSAAuthentication no
HostbasedAuthentication no
PermitEmptyPasswords no
ChallengeResponseAuthentication no
X11DisplayOffset 10
PrintLastLog yes
TCPKeepAlive yes
UsePAM yes
Subsystem sftp /usr/lib/openssh/sftp-server
""",
    "red hat": """
SyslogFacility AUTHPRIV
AuthorizedKeysFile .ssh/authorized_keys
PasswordAuthentication yes
GSSAPIAuthentication no
GSSAPICleanupCredentials no
UsePAM yes
Subsystem sftp /usr/libexec/openssh/sftp-server
""",
    "two ports": "Port 22\nPort 2222\nAddressFamily inet\n",
    "read only": "ForceCommand internal-sftp -R\n",
    "options of the subsystem": "Subsystem sftp internal-sftp -l INFO -f LOCAL0 -u 0027\n",
    "force command with log": "Match User root\nForceCommand internal-sftp -l VERBOSE -d /in\n",
    "request lists": "ForceCommand internal-sftp -P remove,rmdir -p open,close,read,stat\n",
    "keys only": """
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
AuthenticationMethods publickey
""",
    "two factors": "AuthenticationMethods publickey,password publickey,keyboard-interactive\n",
    "two factors for some": """
Match Group GROUP
AuthenticationMethods publickey,password
Match User root
AuthenticationMethods password
""",
    "no root": "PermitRootLogin no\n",
    "root with forced commands": "PermitRootLogin forced-commands-only\n",
    "allow users": "AllowUsers root bob@10.0.0.0/8 *@192.0.2.*\nAllowUsers eve\n",
    "allow users in match": "AllowUsers a\nMatch User root\nAllowUsers b c\n",
    "allow lists in two matches": """
Match User root
AllowUsers a
DenyUsers x
Match Address 10.0.0.0/8
AllowUsers b
DenyUsers y
""",
    "groups": "AllowGroups GROUP sftp*\nDenyGroups staff wheel\n",
    "keys elsewhere": "AuthorizedKeysFile /etc/keys/%u .ssh/authorized_keys\n",
    "keys nowhere": "AuthorizedKeysFile none\n",
    "keys from a program": """
AuthorizedKeysCommand /usr/bin/keys --user %u
AuthorizedKeysCommandUser nobody
""",
    "certificates": """
TrustedUserCAKeys /etc/ssh/ca.pub
AuthorizedPrincipalsFile /etc/ssh/principals/%u
RevokedKeys /etc/ssh/krl
""",
    "fido": "PubkeyAuthOptions touch-required verify-required\n",
    "limits": """
MaxAuthTries 3
MaxSessions 2
MaxStartups 5:50:20
PerSourceMaxStartups 4
PerSourceNetBlockSize 24:56
LoginGraceTime 30
""",
    "startups as one number": "MaxStartups 25\n",
    "alive": "ClientAliveInterval 5m\nClientAliveCountMax 0\nTCPKeepAlive no\n",
    "timeouts": "ChannelTimeout session:*=10m\nUnusedConnectionTimeout 2m\n",
    "rekey": "RekeyLimit 500M 30m\n",
    "rekey by time": "RekeyLimit default 1h\n",
    "banner": "Banner /etc/issue.net\nMatch User root\nBanner none\n",
    "logs": "LogLevel VERBOSE\nSyslogFacility LOCAL3\n",
    "log level by user": "Match User root\nLogLevel DEBUG3\n",
    "identification": "VersionAddendum FTP-Gate 2\nPidFile none\n",
    "address with mask": "Match Address 10.0.0.0/8,192.0.2.0/24\nPasswordAuthentication yes\n"
                         "Match All\nPasswordAuthentication no\n",
    "address excluded": "Match Address *,!10.1.0.0/16\nMaxAuthTries 1\n",
    "local address and port": """
Match LocalAddress 127.0.0.1
MaxSessions 3
Match LocalPort 2222
MaxSessions 8
""",
    "host is the address": "Match Host 10.*\nMaxSessions 9\n",
    "user patterns": "Match User r*,!rob\nMaxSessions 6\nMatch User *\nMaxSessions 7\n",
    "excluded only": "Match User !bob\nMaxSessions 6\n",
    "several criteria": "Match User root Group GROUP Address 10.0.0.0/8\nMaxSessions 6\n",
    "match overrides what is before": "MaxSessions 1\nMatch User root\nMaxSessions 2\n",
    "match overrides what is behind match all": """
Match All
MaxSessions 1
Match User root
MaxSessions 2
""",
    "first of two lines": "MaxSessions 1\nMaxSessions 2\nPasswordAuthentication no\n"
                          "PasswordAuthentication yes\n",
    "match all then global": "Match User root\nBanner /etc/b\nMatch all\nMaxStartups 7:8:9\n",
    "include": "Include d/*.conf\nMaxSessions 9\n",
    "include in match": "Match User root\nInclude inner.conf\nMatch All\nMaxSessions 9\n",
    "include behind": "MaxSessions 9\nInclude d/*.conf inner.conf\n",
    "include missing": "Include missing.conf d/none*.conf\nMaxSessions 2\n",
    "equals signs and quotes": 'MaxSessions=3\nBanner "/etc/my banner"\n'
                               'AuthorizedKeysFile "/etc/k/%u" \'/b\'\n',
    "comments": "  # all\nMaxSessions 3 # three\n\t\nMaxAuthTries 4\n",
    "case": "maxsessions 3\nMATCH user root\nMAXAUTHTRIES 4\n",
    "crlf": "MaxSessions 3\r\nMaxAuthTries 4\r\n",
    "chroot taken back": "ChrootDirectory /srv\nMatch User root\nChrootDirectory none\n",
    "force command taken back": "ForceCommand internal-sftp -R\nMatch User root\n"
                                "ForceCommand none\n",
    "no forwarding": """
DisableForwarding yes
AllowAgentForwarding no
AllowTcpForwarding no
AllowStreamLocalForwarding no
GatewayPorts no
PermitTunnel no
PermitTTY no
PermitUserRC no
X11Forwarding no
PermitOpen none
PermitListen none
""",
}
