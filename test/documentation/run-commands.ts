import assert from 'node:assert/strict';
import { commandsBy } from './table.ts';

/** The documented commands that the test file `by` runs, each found by its beginning, and which of them were not asked for. */
export function commandsToRun(by: string): {
  literal: (beginning: string) => string;
  notRun: ReadonlySet<string>;
} {
  const documented = commandsBy(by);
  const notRun = new Set(documented);
  const literal = (beginning: string): string => {
    const [command, ...others] = documented.filter((each) => each.startsWith(beginning));
    assert.ok(command !== undefined && others.length === 0, beginning);
    notRun.delete(command);
    return command;
  };
  return { literal, notRun };
}
