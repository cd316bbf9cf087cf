import { canonicalJson } from '../canonical-json.ts';
import type { MachineFactItem, MeasuredEvent, ScriptActionItem } from '../events.ts';
import type { MeasuredLog } from './read-log.ts';

/** What changed something, or read something of the machine, must be scripts that were measured. */
export function scriptProblems(log: MeasuredLog, bootLog: MeasuredLog | undefined): string[] {
  const measured = new Set(
    log.events.flatMap((event) => (event.event === 'script' ? [event.script] : [])),
  );
  const events = bootLog?.events ?? [];
  const strangers = (items: readonly { script: string }[]) =>
    new Set(items.map(({ script }) => script).filter((script) => !measured.has(script)));
  return [
    ...[...strangers(actionsIn(events))].map(
      (script) => `script ${script} changed something, but was not measured`,
    ),
    ...[...strangers(factsIn(events))].map(
      (script) => `script ${script} looked at the machine, but was not measured`,
    ),
  ];
}

/** What scripts changed, in words: one line for each action, in order. */
export function scriptActions(bootEvents: readonly MeasuredEvent[]): string[] {
  return actionsIn(bootEvents).map(
    ({ script, action, arguments: given }) =>
      `by script ${script}: ${action} ${given.map((argument) => canonicalJson(argument)).join(' ')}`,
  );
}

/** What scripts saw of the machine, and may have decided upon: one line for each fact, in order. */
export function machineFacts(bootEvents: readonly MeasuredEvent[]): string[] {
  return factsIn(bootEvents).map(
    ({ script, fact, value }) =>
      `by script ${script}: ${fact} ${value === null ? 'is not known' : canonicalJson(value)}`,
  );
}

function factsIn(events: readonly MeasuredEvent[]): MachineFactItem[] {
  return events.flatMap((event) => (event.event === 'machine-fact' ? [event] : []));
}

function actionsIn(events: readonly MeasuredEvent[]): ScriptActionItem[] {
  return events.flatMap((event) => (event.event === 'script-action' ? [event] : []));
}
