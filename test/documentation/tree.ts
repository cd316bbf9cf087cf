import { spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { findXen } from '../../platform/hypervisor/source.ts';
import { cacheDirectory } from '../../platform/lib/cache.ts';
import { RUN_DIRECTORY } from '../runner/costs.ts';
import { type Documented, NONCE } from './table.ts';

const root = join(import.meta.dirname, '../..');

/** Programs that the documentation takes for granted. */
const tools = {
  'make-manifest': 'cat platform.yaml',
  // What it does to the machine is seen by it alone.
  sudo: `exec unshare $([ "$(id -u)" = 0 ] || echo --map-root-user) --mount sh -c \\
  'mount -t tmpfs none /usr/local/bin && "$@" && /usr/local/bin/domb --version' sh "$@"`,
};

/** A copy of the source tree that holds what the documentation names beside it. */
export class Tree {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /**
   * @param manifest text of the manifests that the documentation names
   * @param images directory of their images, which are there as `images` and as `DIRECTORY`
   * @param policy file with the FLASK policy that was booted, which is there as `policy` and as `POLICY`
   */
  static async make(manifest: string, images: string, policy?: string): Promise<Tree> {
    const directory = await mkdtemp(join(tmpdir(), 'domb-documentation-'));
    const at = (name: string): string => join(directory, name);
    const others = ['.git', 'node_modules', 'out'];
    for (const part of (await readdir(root)).filter((name) => !others.includes(name))) {
      await cp(join(root, part), at(part), { recursive: true });
    }
    await symlink(join(root, 'node_modules'), at('node_modules'));
    for (const name of ['images', 'DIRECTORY']) await symlink(images, at(name));
    for (const name of policy === undefined ? [] : ['policy', 'POLICY']) {
      await symlink(policy ?? '', at(name));
    }
    for (const name of ['my', 'platform', 'p', 'new'])
      await writeFile(at(`${name}.yaml`), manifest);
    await writeFile(at('old.yaml'), manifest.replace('memory: 128MiB', 'memory: 160MiB'));
    for (const folder of ['tools', 'home', 'home/.zfunc']) await mkdir(at(folder));
    await symlink(at('bin/domb'), at('tools/domb'));
    for (const [name, body] of Object.entries(tools)) {
      await writeFile(at(`tools/${name}`), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    }
    makeKeys(directory);
    return new Tree(directory);
  }

  /** Runs a command as a reader would who is in `folder` of the tree; what it wrote on both channels, and its status. */
  async run({ command }: Documented, folder = '.'): Promise<{ status: number; said: string }> {
    const { NODE_TEST_CONTEXT: _, [RUN_DIRECTORY]: __, ...env } = process.env;
    const child = spawn('bash', ['-c', command], {
      cwd: join(this.directory, folder),
      env: {
        ...env,
        // `node` is the pinned one, as npm has it.
        PATH: [
          join(this.directory, 'tools'),
          join(this.directory, 'node_modules/.bin'),
          env.PATH,
        ].join(':'),
        HOME: join(this.directory, 'home'),
        XDG_CACHE_HOME: env.XDG_CACHE_HOME || join(homedir(), '.cache'),
        MANWIDTH: '80',
        // Machines whose archive lacks the newest source take what there is, and say so.
        DOMB_XEN_VERSION: (await findXen()).version,
        NONCE,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => said.push(chunk));
    }
    const status = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? -1));
    });
    return { status, said: Buffer.concat(said).toString() };
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true });
    await rm(join(cacheDirectory, `command${this.directory}`), { recursive: true, force: true });
  }
}

/** A key for signatures, `key.pem` and `public.pem`, and one for Secure Boot, `db.key` and `db.pem`. */
function makeKeys(directory: string): void {
  for (const line of [
    'genpkey -algorithm ed25519 -out key.pem',
    'pkey -in key.pem -pubout -out public.pem',
    'req -new -x509 -newkey rsa:2048 -noenc -subj /CN=db -keyout db.key -out db.pem',
  ]) {
    const { status, stderr } = spawnSync('openssl', line.split(' '), { cwd: directory });
    if (status !== 0) throw new Error(`openssl ${line}: ${stderr}`);
  }
}
