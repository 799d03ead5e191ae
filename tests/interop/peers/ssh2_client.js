// npm's ssh2 as a client; arguments and operations: Library in ../clients.py.
'use strict';
const fs = require('fs');
const readline = require('readline');
const { promisify } = require('util');
const { pipeline } = require('stream/promises');
const { Client } = require('ssh2');

const [port, user, password, key, knownHosts, rekeyBytes] = process.argv.slice(2);
const rekeyAfter = Number(rekeyBytes);
const known = fs.readFileSync(knownHosts, 'ascii').split('\n').map((line) => line.split(' ')[2]);

const ssh = new Client();

// ssh2 has no threshold and keeps its client's rekey() to itself: ask the protocol object
// for a rekey whenever so much has passed.
function watchVolume(stream) {
  let seen = 0;
  stream.on('data', (piece) => {
    seen += piece.length;
    if (rekeyAfter && seen >= rekeyAfter) {
      seen = 0;
      ssh._protocol.rekey();
    }
  });
  return stream;
}

async function perform(sftp, verb, one, two) {
  const call = (name, ...words) => promisify(sftp[name]).apply(sftp, words);
  switch (verb) {
    case 'ls':
      for (const entry of await call('readdir', one)) console.log(entry.filename);
      break;
    case 'put':
      if (!rekeyAfter) await call('fastPut', one, two);
      else await pipeline(watchVolume(fs.createReadStream(one)), sftp.createWriteStream(two));
      break;
    case 'get':
      if (!rekeyAfter) await call('fastGet', one, two);
      else await pipeline(watchVolume(sftp.createReadStream(one)), fs.createWriteStream(two));
      break;
    case 'reput': {
      const start = (await call('stat', two)).size;
      await pipeline(fs.createReadStream(one, { start }),
        sftp.createWriteStream(two, { flags: 'r+', start }));
      break;
    }
    case 'reget': {
      const start = fs.statSync(two).size;
      await pipeline(sftp.createReadStream(one, { start }),
        fs.createWriteStream(two, { flags: 'r+', start }));
      break;
    }
    case 'rename': await call('rename', one, two); break;
    case 'rm': await call('unlink', one); break;
    case 'mkdir': await call('mkdir', one); break;
    case 'rmdir': await call('rmdir', one); break;
    default: throw new Error(`unknown operation ${verb}`);
  }
}

async function main() {
  const sftp = await promisify(ssh.sftp).call(ssh);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    await perform(sftp, ...line.split('\t'));
  }
  ssh.end();
}

function fail(error) {
  console.error(error.message);
  process.exit(1);
}

// Its streams have one request in flight: without this each waits for a delayed ACK.
ssh.on('connect', () => ssh.setNoDelay(true));
ssh.on('error', fail).on('ready', () => main().catch(fail)).connect({
  host: '127.0.0.1',
  port: Number(port),
  username: user,
  ...(password ? { password } : { privateKey: fs.readFileSync(key) }),
  hostVerifier: (blob) => known.includes(blob.toString('base64')),
  readyTimeout: 60000,
});
