import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';

/** What somebody may put where a file of evidence is expected. */
export const hostileFiles: Readonly<Record<string, (path: string) => void>> = {
  'nothing at all': () => {},
  'an empty file': (path) => writeFileSync(path, ''),
  'one byte': (path) => writeFileSync(path, 'x'),
  rubbish: (path) => writeFileSync(path, Buffer.alloc(3000, 0xa5)),
  'a FIFO that nobody writes into': (path) => execFileSync('mkfifo', [path]),
  'a directory': (path) => mkdirSync(path),
  'a link to /dev/zero, which never ends': (path) => symlinkSync('/dev/zero', path),
  'a link to /dev/tty': (path) => symlinkSync('/dev/tty', path),
  'a link to itself': (path) => symlinkSync(path, path),
  'a link to nothing': (path) => symlinkSync('/nonexistent', path),
  "a file of the kernel's, whose size is said to be 0": (path) =>
    symlinkSync('/proc/self/maps', path),
  '1 GiB, nearly all of it holes': (path) => {
    writeFileSync(path, 'x');
    truncateSync(path, 1 << 30);
  },
};

/** Puts it there, in the place of what is. */
export function putHostile(kind: string, path: string): void {
  rmSync(path, { force: true, recursive: true });
  hostileFiles[kind]?.(path);
}
