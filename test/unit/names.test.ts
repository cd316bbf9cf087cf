import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportedNames, productionFiles } from '../lib/source-tree.ts';

const steps = /^(bindings\/xen|daemon\/run\/steps)\//;
const verifier = 'the second stands in for the first in domb-verify: platform/package/verifier.ts';
const installed =
  'the second stands in for the first where the command is installed: platform/images/bundle-command.ts';
const typeCheck = /^(boot-scripts|cli\/verifier)\/(no-)?type-check\.ts$/;
const generated = /^boot-configs\/generated\/validate-manifest-\d+\.ts$/;

/** Names that several modules may define, which modules those are, and why. */
const shared: Readonly<Record<string, { where: RegExp; why: string }>> = {
  run: { where: /^cli\/(installed\/)?[\w-]+\.ts$/, why: 'every command has one: cli/programs.ts' },
  createDomain: { where: steps, why: 'a step, and what it asks of Xen' },
  reuseDomain: { where: steps, why: 'a step, and what it asks of Xen' },
  buildDomain: { where: steps, why: 'a step, and what it asks of Xen' },
  destroyDomain: { where: steps, why: 'a step, and what it asks of Xen' },
  loadPolicy: { where: steps, why: 'a step, and what it asks of Xen' },
  openRegister: {
    where: /^daemon\/(plan\/phase-parts|run\/steps\/open)\.ts$/,
    why: 'an operation, and the step that carries it out',
  },
  policySource: {
    where: /^(platform\/policy\/build|cli\/(no-policy-build|installed\/policy))\.ts$/,
    why: `${installed}; the third in domb-verify`,
  },
  buildPolicy: {
    where: /^(platform\/policy\/build|cli\/(no-policy-build|installed\/policy))\.ts$/,
    why: `${installed}; the third in domb-verify`,
  },
  buildHypervisor: {
    where: /^(platform\/hypervisor\/build|cli\/installed\/hypervisor)\.ts$/,
    why: installed,
  },
  bootParts: { where: /^(platform\/images|cli\/installed)\/boot-parts\.ts$/, why: installed },
  bootComponents: {
    where: /^(platform\/images|cli\/installed)\/components\.ts$/,
    why: installed,
  },
  bootKernel: { where: /^(platform\/images|cli\/installed)\/boot-parts\.ts$/, why: installed },
  chosenXen: { where: /^cli\/(installed\/)?chosen-xen\.ts$/, why: installed },
  program: { where: /^cli\/(verifier\/)?program\.ts$/, why: verifier },
  commands: { where: /^cli\/(verifier\/)?commands\.ts$/, why: verifier },
  programs: { where: /^cli\/(verifier\/)?programs\.ts$/, why: verifier },
  startThread: { where: /^(boot-scripts\/apart|cli\/verifier\/no-scripts)\.ts$/, why: verifier },
  canCheckTypes: { where: typeCheck, why: verifier },
  typeFaults: { where: typeCheck, why: verifier },
  hashProgram: { where: /^(measurement|cli\/verifier)\/hash-program\.ts$/, why: verifier },
  validator: { where: generated, why: 'one module for each version of the schema' },
  shapes: { where: generated, why: 'one module for each version of the schema' },
};

const modules = new Map<string, string[]>();
for (const file of productionFiles()) {
  for (const name of exportedNames(file)) {
    modules.set(name, [...(modules.get(name) ?? []), file.path]);
  }
}

test('an exported name means one thing', () => {
  const several = [...modules].filter(([, paths]) => paths.length > 1);
  const unexplained = several.filter(([name, paths]) => {
    const { where } = shared[name] ?? {};
    return where === undefined || !paths.every((path) => where.test(path));
  });
  assert.deepEqual(
    unexplained.map(([name, paths]) => `${name}: ${paths.join(', ')}`),
    [],
  );
});

test('names that may be defined several times are', () => {
  const once = Object.keys(shared).filter((name) => (modules.get(name) ?? []).length < 2);
  assert.deepEqual(once, []);
});

test('exported names are found in every form of declaration that the code uses', () => {
  const text = [
    'export const a = 1;',
    'export async function b(): Promise<void> {}',
    'export class C {}',
    'export interface D {}',
    'export type E = 1;',
    "export { f } from './f.ts';",
    'export function* g() {}',
  ].join('\n');
  assert.deepEqual(exportedNames({ path: 'x.ts', text }), ['a', 'b', 'C', 'D', 'E', 'g']);
});
