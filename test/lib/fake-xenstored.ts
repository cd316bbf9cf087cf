import { createServer, type Server, type Socket } from 'node:net';

/** enum xsd_sockmsg_type, xen/io/xs_wire.h. */
const Type = {
  directory: 1,
  read: 2,
  watch: 4,
  unwatch: 5,
  write: 11,
  remove: 13,
  event: 15,
  error: 16,
} as const;

/** u32 type, req_id, tx_id, len. */
const HEADER = 16;
/** What a connection holds back until the other side has read it; xenstored has no such limit, so that it cannot stall either. */
const BACKLOG = 1 << 20;

/** As much of xenstored as a back end needs, with one client; its socket is named by XENSTORED_PATH. */
export class FakeXenstored {
  readonly entries = new Map<string, string>();
  /** Path by token. */
  readonly watches = new Map<string, string>();
  readonly #server: Server;
  #client: Socket | undefined;
  #received = Buffer.alloc(0);
  /** Where paths that do not begin with a slash are. */
  readonly #home: string;
  /** Called after each change that the client makes. */
  wrote: (path: string, value: string) => void = () => {};

  constructor(domid: number) {
    this.#home = `/local/domain/${domid}/`;
    this.#server = createServer((client) => {
      this.#client = client;
      client.on('data', (chunk) => this.#take(chunk as Buffer));
      // The back end is killed in the end.
      client.on('error', () => {});
    });
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve) => this.#server.listen(path, resolve));
  }

  close(): void {
    this.#client?.destroy();
    this.#server.close();
  }

  /** Somebody has written `path`: says so to those who watch it. False when the client does not read fast enough. */
  changed(path: string): boolean {
    for (const [token, watched] of this.watches) {
      if (!this.#whole(path).startsWith(this.#whole(watched))) continue;
      this.#send(Type.event, 0, `${path}\0${token}\0`);
    }
    return (this.#client?.writableLength ?? 0) < BACKLOG;
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= HEADER) {
      const length = HEADER + this.#received.readUInt32LE(12);
      if (this.#received.length < length) return;
      const message = this.#received.subarray(0, length);
      this.#received = this.#received.subarray(length);
      this.#answer(message.readUInt32LE(0), message.readUInt32LE(4), message.subarray(HEADER));
    }
  }

  #answer(type: number, request: number, body: Buffer): void {
    const [path = '', second = ''] = body.toString('latin1').split('\0');
    const at = this.#whole(path);
    const okay = () => this.#send(type, request, 'OK\0');
    const value = this.entries.get(at);
    const children = [...this.entries.keys()].flatMap((key) =>
      key.startsWith(`${at}/`) ? [key.slice(at.length + 1).split('/')[0] as string] : [],
    );
    switch (type) {
      case Type.read:
        if (value === undefined) this.#send(Type.error, request, 'ENOENT\0');
        else this.#send(type, request, value);
        break;
      case Type.directory:
        this.#send(type, request, [...new Set(children)].map((name) => `${name}\0`).join(''));
        break;
      case Type.write: {
        const written = body.subarray(path.length + 1).toString('latin1');
        this.entries.set(at, written);
        okay();
        this.wrote(at, written);
        break;
      }
      case Type.watch:
        this.watches.set(second, path);
        okay();
        this.#send(Type.event, 0, `${path}\0${second}\0`);
        break;
      case Type.unwatch:
        this.watches.delete(second);
        okay();
        break;
      default:
        okay();
    }
  }

  #whole(path: string): string {
    return path.startsWith('/') ? path : `${this.#home}${path}`;
  }

  #send(type: number, request: number, body: string): void {
    const head = Buffer.alloc(HEADER);
    head.writeUInt32LE(type, 0);
    head.writeUInt32LE(request, 4);
    head.writeUInt32LE(body.length, 12);
    this.#client?.write(Buffer.concat([head, Buffer.from(body, 'latin1')]));
  }
}
