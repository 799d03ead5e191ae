#!/usr/bin/env escript
%% Erlang's ssh and ssh_sftpd as a server; arguments: _peer in ../servers.py.

main([Port, Share, HostKey, User, Password, AuthorizedKeys]) ->
    {ok, _} = application:ensure_all_started(ssh),
    %% ssh_file wants fixed names in directories of its own.
    System = filename:join(filename:dirname(HostKey), "erlang-system"),
    Account = filename:join(filename:dirname(HostKey), "erlang-user"),
    ok = filelib:ensure_dir(filename:join(System, "x")),
    ok = filelib:ensure_dir(filename:join(Account, "x")),
    {ok, _} = file:copy(HostKey, filename:join(System, "ssh_host_ed25519_key")),
    {ok, _} = file:copy(AuthorizedKeys, filename:join(Account, "authorized_keys")),
    {ok, _} = ssh:daemon({127, 0, 0, 1}, list_to_integer(Port),
                         [{system_dir, System},
                          {user_dir, Account},
                          {user_passwords, [{User, Password}]},
                          {subsystems, [ssh_sftpd:subsystem_spec([{root, Share},
                                                                  {cwd, "/"}])]}]),
    receive stop -> ok end.
