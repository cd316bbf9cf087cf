/** What permissions mean, and where information goes by them: against the compiled policy, and against setools' seinfoflow. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { meaningOf, meanings } from '../../../boot-configs/policy/meaning/all.ts';
import {
  type FlowGraph,
  flowGraph,
  shortestFlow,
} from '../../../boot-configs/policy/meaning/flow-graph.ts';
import { plainActions } from '../../../boot-configs/policy/meaning/plain-actions.ts';
import {
  domainSummaries,
  hardwareSummaries,
  hypervisorSummaries,
  selfSummaries,
} from '../../../boot-configs/policy/meaning/summaries.ts';
import type { Policy } from '../../../boot-configs/policy/model.ts';
import { readFlaskPolicy } from '../../../boot-configs/policy/policy.ts';
import { buildPolicy } from '../../../platform/policy/build.ts';
import { file } from '../../lib/domb.ts';

let path: string;
let policy: Policy;
let graph: FlowGraph;

before(async () => {
  path = await buildPolicy();
  policy = readFlaskPolicy(readFileSync(path));
  graph = flowGraph(policy);
});

test('every permission of every class has words and a flow, and no other has', () => {
  const compiled = [...policy.classes].flatMap(([name, { permissions }]) =>
    [...permissions.keys()].map((permission) => `${name}:${permission}`),
  );
  const known = Object.entries(meanings).flatMap(([name, permissions]) =>
    Object.keys(permissions).map((permission) => `${name}:${permission}`),
  );
  assert.ok(compiled.length > 150, `${compiled.length}`);
  assert.deepEqual(known.toSorted(), compiled.toSorted());
  for (const name of known) {
    const [says = ''] = meaningOf(...(name.split(':') as [string, string])) ?? [];
    assert.match(says, /^[a-z][\w ,:;'()/-]{4,70}$/, name);
  }
  assert.equal(meaningOf('xen', 'constructor'), undefined);
  assert.equal(meaningOf('toString', 'length'), undefined);
});

test('what is told together, and plain actions, name permissions that there are', () => {
  const summaries = [domainSummaries, selfSummaries, hypervisorSummaries, hardwareSummaries].flat();
  const named = [
    ...summaries.flatMap(({ needs, covers }) => [...needs, ...covers]),
    ...Object.values(plainActions).flat(),
  ];
  for (const name of named) {
    const [about = '', permission = '', ...rest] = name.split(':');
    assert.ok(meaningOf(about, permission) !== undefined && rest.length === 0, name);
  }
});

const map = file('platform/policy/perm_map');
const run = promisify(execFile);

/** Every flow that setools finds from one type to another, with its weight. */
const ALL_FLOWS = `
import setools, sys
policy = setools.SELinuxPolicy(sys.argv[1])
analysis = setools.InfoFlowAnalysis(policy, setools.PermissionMap(sys.argv[2]))
for each in policy.types():
    for flow in analysis.infoflows(each):
        print(flow.source, flow.target, flow.weight)
`;

test('every direct flow between two types is one that setools finds, of the same weight, and no other', async () => {
  const { stdout } = await run('/usr/bin/python3', ['-c', ALL_FLOWS, path, map]);
  const theirs = stdout.trim().split('\n');
  const ours = [...graph.values()].flatMap((flows) =>
    [...flows.values()]
      .filter(({ from, to }) => from !== to)
      .map(({ from, to, weight }) => `${from} ${to} ${weight}`),
  );
  assert.ok(ours.length > 100, `${ours.length}`);
  assert.deepEqual(ours.toSorted(), theirs.toSorted());
});

/** What seinfoflow of Debian's setools says with our permission map. */
async function seinfoflow(...argv: string[]): Promise<string> {
  const { stdout } = await run('seinfoflow', ['-p', path, '-m', map, ...argv]);
  return stdout;
}

test('shortest ways are as long as those of seinfoflow, and there is none where it finds none', async () => {
  const pairs = [
    ['domU_t', 'vtpm_t', 2, []],
    ['domU_t', 'vtpm_t', 6, ['dom0_t']],
    ['vtpm_t', 'driver_t', 8, ['dom0_t']],
    ['domU_t', 'driver_t_self', 6, []],
    ['security_t', 'domU_t', 4, []],
    ['domB_t_channel', 'domU_t', 1, ['domB_t']],
    ['domU_t', 'domxen_t', 1, []],
    ['irq_t', 'vtpm_t', 8, []],
    ['unlabeled_t', 'dom0_t', 1, []],
  ] as const;
  let ways = 0;
  for (const [from, to, atLeast, closed] of pairs) {
    const said = await seinfoflow('-s', from, '-t', to, '-S', '-w', `${atLeast}`, ...closed);
    const theirs = [...said.matchAll(/^ {2}Step \d+: (\S+) -> (\S+)$/gm)].map(([step]) => step);
    const [paths = '0'] = /^\d+(?= information flow)/m.exec(said) ?? [];
    const ours = shortestFlow(graph, from, to, { atLeast, closed: new Set(closed) }) ?? [];
    const count = Number(paths);
    assert.equal(ours.length, count === 0 ? 0 : theirs.length / count, `${from} to ${to}: ${said}`);
    if (count > 0) ways += 1;
    // Ours is one of theirs.
    const own = ours.map((step, at) => `  Step ${at + 1}: ${step.from} -> ${step.to}\n`).join('');
    assert.ok(said.includes(own), said);
  }
  assert.ok(ways >= 5 && ways < pairs.length, `${ways}`);
});
