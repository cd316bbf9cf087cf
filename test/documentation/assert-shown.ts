import assert from 'node:assert/strict';
import type { Documented } from './table.ts';

/** Asserts that a command of the documentation did what it is there for. */
export function assertShown(
  { command, status = 0, shows }: Documented,
  run: { status: number; said: string },
): void {
  assert.equal(run.status, status, `${command}\n${run.said}`);
  // npm tells what it runs.
  const said = run.said.replace(/^\n> .*\n> .*\n\n/, '');
  if (shows !== undefined) assert.match(said, shows, command);
}
