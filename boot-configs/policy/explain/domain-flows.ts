import { type Flow, type FlowGraph, flowGraph, shortestFlow } from '../meaning/flow-graph.ts';
import type { Policy } from '../model.ts';
import { domainTypes } from '../platform-types.ts';
import type { Party } from './parties.ts';
import type { Thing } from './things.ts';

/** How information gets from the domains of one type to those of another, or to others of its own. */
export interface DomainFlow {
  from: string;
  to: string;
  /** That of the narrowest flow on the way. */
  weight: number;
  /** The types of domains and of the hypervisor that a shortest way leads over, in their order; none: directly. */
  over: string[];
  /** Those of them without which there is no way. */
  only: string[];
  /** The types each of which makes a way alone, with none between but itself. */
  alone: string[];
  /** The flows of that way, from type to type; those over event channels have the channel's type between them. */
  steps: Flow[];
}

/** Marks the second domain of a type: what they send each other is no flow within a type. */
const OTHER = ' (another)';

/**
 * Over which domains information can get from one to another once the boot domain is gone, by flows of at least this weight.
 * Types of domains that the platform has not are no way. Hardware is none either: who has a device, port or frame has it
 * alone, whatever else has the same label.
 */
export function domainFlows(
  policy: Policy,
  parties: readonly Party[],
  things: readonly Thing[],
  atLeast: number,
): DomainFlow[] {
  const present = parties.filter(({ boot }) => !boot);
  const graph = graphOf(policy, present);
  const channels = channelTypes(policy);
  const closed = typesOf(things.filter(({ kind }) => kind === 'hardware'));
  const between = typesOf([...present, ...things.filter(({ kind }) => kind !== 'hardware')]);
  const ends = [...present, ...present.filter(many)];
  return present.flatMap((from) =>
    ends.flatMap((to, at) => {
      const other = at >= present.length;
      if ((from === to) !== other) return [];
      const target = other ? to.type + OTHER : to.type;
      const find = (more: readonly string[]) =>
        shortestFlow(graph, from.type, target, { atLeast, closed: new Set([...closed, ...more]) });
      const steps = find([]);
      if (steps === undefined) return [];
      const over = steps
        .slice(1)
        .map((step) => step.from)
        .filter((type) => !channels.has(type));
      const weight = Math.min(...steps.map((step) => step.weight));
      const only = over.filter((type) => find([type]) === undefined);
      const others = (type: string) => between.filter((each) => each !== type && each !== to.type);
      const alone =
        over.length === 0 ? [] : between.filter((type) => find(others(type)) !== undefined);
      return [{ from: from.type, to: to.type, weight, over, only, alone, steps }];
    }),
  );
}

function typesOf(all: readonly { type: string }[]): string[] {
  return all.map(({ type }) => type);
}

/** The types of event channels' ends, which stand for nobody. */
function channelTypes(policy: Policy): ReadonlySet<string> {
  const event = policy.classes.get('event')?.value;
  const ends = policy.transitions.filter((each) => each.class === event);
  return new Set(ends.map(({ type }) => policy.typesByValue.get(type)?.name ?? ''));
}

function many({ domains, later }: Party): boolean {
  return domains.length > 1 || later;
}

/**
 * The flows between types with a second node for each type that several domains have, and without types of domains that are
 * not there, those of domains towards themselves included.
 */
function graphOf(policy: Policy, parties: readonly Party[]): FlowGraph {
  const types = new Set(parties.map(({ type }) => type));
  const twice = new Set(parties.filter(many).map(({ type }) => type));
  const absent = new Set([
    ...domainTypes(policy).filter((type) => !types.has(type)),
    ...(policy.attributes.get('domain_type') ?? []),
    ...parties.map(({ self }) => self),
  ]);
  for (const type of types) absent.delete(type);
  const nodes = (type: string) =>
    absent.has(type) ? [] : twice.has(type) ? [type, type + OTHER] : [type];
  const graph = new Map<string, Map<string, Flow>>();
  for (const [from, flows] of flowGraph(policy)) {
    for (const source of nodes(from)) {
      const known = graph.get(source) ?? new Map<string, Flow>();
      graph.set(source, known);
      for (const [to, flow] of flows) {
        for (const target of nodes(to)) {
          if (source !== target) known.set(target, { ...flow, from: source, to: target });
        }
      }
    }
  }
  return graph;
}
