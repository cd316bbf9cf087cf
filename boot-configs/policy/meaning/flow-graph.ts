import type { Policy } from '../model.ts';
import { ruleParts } from '../rules.ts';
import { meaningOf } from './all.ts';

/** How information gets from one type to another at once. */
export interface Flow {
  from: string;
  to: string;
  /** That of the permission that carries most. */
  weight: number;
  /** As `source target:class permission`, with types. */
  by: FlowRule[];
}

export interface FlowRule {
  source: string;
  target: string;
  class: string;
  permission: string;
  weight: number;
}

/** Flows by the type that they start from, then by that which they come to. */
export type FlowGraph = ReadonlyMap<string, ReadonlyMap<string, Flow>>;

/**
 * Every flow of information that the rules of a policy allow between two types, as setools' seinfoflow finds them with our
 * permission map: by allow rules, whatever constraints say. Unlike there, a type has flows to itself, too. A permission without
 * a meaning carries everything, both ways.
 */
export function flowGraph(policy: Policy): FlowGraph {
  const graph = new Map<string, Map<string, Flow>>();
  const typesOf = expansions(policy);
  const classes = new Map(
    [...policy.classes].map(([name, each]) => [each.value, { name, ...each }]),
  );
  for (const vectors of [policy.vectors.allow, policy.vectors.dormant]) {
    for (const [key, mask] of vectors) {
      const { source: from, target: to, class: value } = ruleParts(key);
      const about = classes.get(value);
      if (about === undefined) continue;
      for (const [permission, bit] of about.permissions) {
        if (((mask >>> (bit - 1)) & 1) === 0) continue;
        const [, direction, weight] = meaningOf(about.name, permission) ?? ['', 'b', 10];
        for (const source of typesOf(from)) {
          for (const target of typesOf(to)) {
            const rule = { source, target, class: about.name, permission, weight };
            if (direction === 'w' || direction === 'b') add(graph, source, target, rule);
            if (direction === 'r' || direction === 'b') add(graph, target, source, rule);
          }
        }
      }
    }
  }
  return graph;
}

/** What may be asked of a search. */
export interface FlowLimits {
  /** Only flows of at least this weight. */
  atLeast: number;
  /** Types that nothing goes through. */
  closed: ReadonlySet<string>;
}

/** A shortest way of information from one type to another, with the flows in their order; undefined where there is none. */
export function shortestFlow(
  graph: FlowGraph,
  from: string,
  to: string,
  { atLeast, closed }: FlowLimits,
): Flow[] | undefined {
  const reachedBy = new Map<string, Flow | undefined>([[from, undefined]]);
  const waiting = [from];
  for (let type = waiting.shift(); type !== undefined; type = waiting.shift()) {
    for (const [next, flow] of graph.get(type) ?? []) {
      if (flow.weight < atLeast || reachedBy.has(next)) continue;
      if (next !== to && closed.has(next)) continue;
      reachedBy.set(next, flow);
      if (next === to) return wayTo(to, reachedBy);
      waiting.push(next);
    }
  }
  return undefined;
}

function wayTo(to: string, reachedBy: ReadonlyMap<string, Flow | undefined>): Flow[] {
  const way: Flow[] = [];
  for (let flow = reachedBy.get(to); flow !== undefined; flow = reachedBy.get(flow.from)) {
    way.unshift(flow);
  }
  return way;
}

function expansions(policy: Policy): (value: number) => readonly string[] {
  const names = new Map<number, string[]>();
  for (const { name, expansion } of policy.types.values()) {
    for (const value of expansion) {
      const known = names.get(value);
      if (known === undefined) names.set(value, [name]);
      else known.push(name);
    }
  }
  return (value) => names.get(value) ?? [];
}

function add(
  graph: Map<string, Map<string, Flow>>,
  from: string,
  to: string,
  rule: FlowRule,
): void {
  const flows = graph.get(from) ?? new Map<string, Flow>();
  graph.set(from, flows);
  const flow = flows.get(to);
  if (flow === undefined) flows.set(to, { from, to, weight: rule.weight, by: [rule] });
  else {
    flow.weight = Math.max(flow.weight, rule.weight);
    flow.by.push(rule);
  }
}
