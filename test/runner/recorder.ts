/** Stands for node:test where only the names of tests are wanted: it runs suites, and neither tests nor hooks. */
let names = new Set<string>();
let suites: readonly string[] = [];

/** The names since it was last asked: of suites and tests, each alone and with the suites around it, as Node matches them. */
export function recorded(): string[] {
  const all = [...names];
  names = new Set();
  return all;
}

function record(name: string): void {
  names.add(name).add([...suites, name].join(' '));
}

function enter(name: string, ...rest: unknown[]): void {
  record(name);
  const outer = suites;
  suites = [...outer, name];
  const body = rest.find((value) => typeof value === 'function');
  if (body?.() instanceof Promise)
    throw new Error(`${name}: make the suite's function synchronous`);
  suites = outer;
}

const nothing = (): void => {};

export const test = Object.assign(record, { skip: record, todo: record, only: record });
export const describe = Object.assign(enter, { skip: enter, todo: enter, only: enter });
export {
  describe as suite,
  nothing as after,
  nothing as afterEach,
  nothing as before,
  nothing as beforeEach,
  test as it,
};
export default test;
