import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';

/** A Node to run something with: its program and its version, such as 20.20.2. */
export interface NodeProgram {
  readonly program: string;
  readonly version: string;
}

/**
 * The pinned Node, the machine's own where it is one that the package runs on, and those that `DOMB_NODES` names
 * (`DOMB_NODES=/opt/node20/bin/node:/opt/node22/bin/node npm test -- test/integration/package`).
 */
export function nodesToTry(): NodeProgram[] {
  const { PATH = '', DOMB_NODES = '' } = process.env;
  const own = PATH.split(delimiter).filter((folder) => !folder.endsWith('node_modules/.bin'));
  const named = DOMB_NODES.split(delimiter).filter(Boolean);
  const programs = [process.execPath, ...own.map((folder) => join(folder, 'node')), ...named];
  const byVersion = new Map<string, NodeProgram>();
  for (const program of programs) {
    const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
    if (status !== 0) continue;
    const version = stdout.trim().slice(1);
    if (atLeast(version, 20, 12) && !byVersion.has(version)) {
      byVersion.set(version, { program, version });
    }
  }
  return [...byVersion.values()];
}

/** Whether CommonJS may `require` an ES module. Node's documentation, "Loading ECMAScript modules using require()". */
export function requiresModules(version: string): boolean {
  return version.startsWith('20.') ? atLeast(version, 20, 19) : atLeast(version, 22, 12);
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
