// npm's ssh2 as a server; arguments: _peer in ../servers.py. Paths are the disk's own.
'use strict';
const fs = require('fs');
const path = require('path');
const { Server, utils } = require('ssh2');

const [port, , hostKey, user, password, authorizedKeys] = process.argv.slice(2);
const known = utils.parseKey(fs.readFileSync(authorizedKeys));
const { OPEN_MODE, STATUS_CODE, flagsToString } = utils.sftp;

function login(context) {
  if (context.username !== user) return context.reject(['password', 'publickey']);
  if (context.method === 'password' && context.password === password) return context.accept();
  if (context.method === 'publickey' && context.key.data.equals(known.getPublicSSH())
      && (!context.signature || known.verify(context.blob, context.signature, context.hashAlgo))) {
    return context.accept();
  }
  return context.reject(['password', 'publickey']);
}

const attributes = (stat) => ({
  mode: stat.mode,
  uid: stat.uid,
  gid: stat.gid,
  size: stat.size,
  atime: Math.floor(stat.atimeMs / 1000),
  mtime: Math.floor(stat.mtimeMs / 1000),
});

// What is open: a handle is four bytes that number an entry here.
class Handles {
  constructor() { this.open = new Map(); this.next = 1; }

  add(entry) {
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(this.next);
    this.open.set(this.next++, entry);
    return handle;
  }

  find(handle) {
    const entry = this.open.get(handle.length === 4 ? handle.readUInt32BE() : 0);
    if (!entry) throw new Error('no such handle');
    return entry;
  }

  close(handle) {
    const entry = this.find(handle);
    this.open.delete(handle.readUInt32BE());
    if (entry.fd !== undefined) fs.closeSync(entry.fd);
  }
}

function setAttributes(fd, attrs) {
  if (attrs.size !== undefined) fs.ftruncateSync(fd, attrs.size);
  if (attrs.mode !== undefined) fs.fchmodSync(fd, attrs.mode & 0o7777);
  if (attrs.atime !== undefined) fs.futimesSync(fd, attrs.atime, attrs.mtime);
}

function setPathAttributes(name, attrs) {
  const fd = fs.openSync(name, attrs.size === undefined ? 'r' : 'r+');
  try {
    setAttributes(fd, attrs);
  } finally {
    fs.closeSync(fd);
  }
}

function serveSftp(sftp) {
  const handles = new Handles();
  sftp.on('end', () => sftp.end()); // the client's end of file: close our half as well
  // One listener a request; what it throws becomes the status, what it doesn't answer is OK.
  const on = (name, action) => sftp.on(name, (id, ...words) => {
    try {
      if (action(id, ...words) !== true) sftp.status(id, STATUS_CODE.OK);
    } catch (error) {
      const code = { ENOENT: STATUS_CODE.NO_SUCH_FILE, EACCES: STATUS_CODE.PERMISSION_DENIED };
      sftp.status(id, code[error.code] ?? STATUS_CODE.FAILURE, error.message);
    }
  });
  // These answer with something else than a status.
  const answer = (name, action) => on(name, (...words) => { action(...words); return true; });

  answer('OPEN', (id, name, flags, attrs) => {
    // Node has no word for "write, create, keep": pass the system's own flags then.
    const system = flagsToString(flags) ?? ((flags & OPEN_MODE.READ
      ? fs.constants.O_RDWR : fs.constants.O_WRONLY)
      | (flags & OPEN_MODE.CREAT ? fs.constants.O_CREAT : 0));
    sftp.handle(id, handles.add({ fd: fs.openSync(name, system, attrs.mode ?? 0o644) }));
  });
  answer('READ', (id, handle, offset, length) => {
    const data = Buffer.alloc(Math.min(length, 1 << 18));
    const n = fs.readSync(handles.find(handle).fd, data, 0, data.length, offset);
    if (n === 0) sftp.status(id, STATUS_CODE.EOF);
    else sftp.data(id, data.subarray(0, n));
  });
  on('WRITE', (id, handle, offset, data) => {
    fs.writeSync(handles.find(handle).fd, data, 0, data.length, offset);
  });
  on('CLOSE', (id, handle) => handles.close(handle));
  answer('OPENDIR', (id, name) => {
    sftp.handle(id, handles.add({ folder: name, names: fs.readdirSync(name) }));
  });
  answer('READDIR', (id, handle) => {
    const dir = handles.find(handle);
    const names = dir.names.splice(0, 50);
    if (!names.length) { sftp.status(id, STATUS_CODE.EOF); return; }
    sftp.name(id, names.map((filename) => ({
      filename,
      longname: filename,
      attrs: attributes(fs.lstatSync(path.join(dir.folder, filename))),
    })));
  });
  answer('STAT', (id, name) => sftp.attrs(id, attributes(fs.statSync(name))));
  answer('LSTAT', (id, name) => sftp.attrs(id, attributes(fs.lstatSync(name))));
  answer('FSTAT', (id, handle) => {
    sftp.attrs(id, attributes(fs.fstatSync(handles.find(handle).fd)));
  });
  on('SETSTAT', (id, name, attrs) => setPathAttributes(name, attrs));
  on('FSETSTAT', (id, handle, attrs) => setAttributes(handles.find(handle).fd, attrs));
  on('REMOVE', (id, name) => fs.unlinkSync(name));
  on('RENAME', (id, from, to) => {
    if (fs.existsSync(to)) throw new Error('target exists');
    fs.renameSync(from, to);
  });
  on('MKDIR', (id, name) => fs.mkdirSync(name));
  on('RMDIR', (id, name) => fs.rmdirSync(name));
  answer('REALPATH', (id, name) => {
    sftp.name(id, [{ filename: path.resolve('/', name), longname: '', attrs: {} }]);
  });
}

new Server({ hostKeys: [fs.readFileSync(hostKey)] }, (connection) => {
  connection.on('error', (error) => console.error(error.message));
  connection.on('authentication', login);
  connection.on('ready', () => connection.on('session', (acceptSession) => {
    acceptSession().on('sftp', (accept) => serveSftp(accept()));
  }));
}).listen(Number(port), '127.0.0.1');
