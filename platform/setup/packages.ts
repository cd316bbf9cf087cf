import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const script = join(import.meta.dirname, 'prepare.sh');

/** What Debian packages are needed for, in words that follow "to". */
export const purposes = {
  policy: 'compile the FLASK policy',
  hypervisor: 'build Xen',
  images: 'make images',
  sign: 'sign EFI files',
  guests: 'compile programs for guests',
  machine: 'run the virtual machine',
  tests: 'run the tests',
} as const;
export type Purpose = keyof typeof purposes;

/** Something that has to be installed, and was not. */
export class SetUpError extends Error {
  override name = 'SetUpError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/**
 * Sees to it that the Debian packages for this are there: a command that was started through npm installs what is missing, and
 * says so before; any other leaves that to the user.
 * @throws {@link SetUpError} when something is missing
 */
export function needPackages(purpose: Purpose): void {
  if (mayInstall()) prepare(purpose);
  const missing = missingPackages(purpose);
  if (missing.length === 0) return;
  throw new SetUpError(
    `to ${purposes[purpose]}, Debian packages are missing: ${missing.join(', ')}`,
    `run "sudo apt-get install --no-install-recommends ${missing.join(' ')}"; npm run domb and npm run image do so themselves`,
  );
}

let refreshed = false;

/** Has apt's lists refreshed where that is due and the command may do it. */
export function needPackageLists(): void {
  if (refreshed || !mayInstall()) return;
  refreshed = true;
  prepare('lists');
}

/** Those for this that are not installed; none where there is no dpkg to ask, so that each tool is missed by its name. */
export function missingPackages(purpose: Purpose): string[] {
  // Where domb itself is installed as a package, dpkg has seen to that.
  if (!existsSync(script)) return [];
  const { stdout } = spawnSync('sh', [script, 'missing', purpose], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return stdout.split(' ').filter(Boolean);
}

/** The scripts of package.json that set up as they go say so. */
function mayInstall(): boolean {
  return process.env.DOMB_SET_UP === 'install';
}

/** Its words are no result: all go to standard error. */
function prepare(...words: string[]): void {
  const { status } = spawnSync('sh', [script, ...words], { stdio: ['inherit', 2, 2] });
  if (status !== 0) throw new SetUpError('the set-up failed', 'what it said stands above');
}
