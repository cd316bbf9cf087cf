import { canonicalJson } from '../canonical-json.ts';
import type { MeasuredEvent, ScriptActionItem } from '../events.ts';
import type { MeasuredLog } from './read-log.ts';

/** Actions must be those of scripts that were measured. */
export function scriptProblems(log: MeasuredLog, bootLog: MeasuredLog | undefined): string[] {
  const measured = new Set(
    log.events.flatMap((event) => (event.event === 'script' ? [event.script] : [])),
  );
  const unknown = actionsIn(bootLog?.events ?? []).filter(({ script }) => !measured.has(script));
  return [...new Set(unknown.map(({ script }) => script))].map(
    (script) => `script ${script} changed something, but was not measured`,
  );
}

/** What scripts changed, in words: one line for each action, in order. */
export function scriptActions(bootEvents: readonly MeasuredEvent[]): string[] {
  return actionsIn(bootEvents).map(
    ({ script, action, arguments: given }) =>
      `by script ${script}: ${action} ${given.map((argument) => canonicalJson(argument)).join(' ')}`,
  );
}

function actionsIn(events: readonly MeasuredEvent[]): ScriptActionItem[] {
  return events.flatMap((event) => (event.event === 'script-action' ? [event] : []));
}
