import { bootEnd } from '../boot-end.ts';
import { countReadBack, readBackProblems } from '../read-back.ts';
import { machineFacts, scriptActions, scriptProblems } from '../script-actions.ts';
import { type Judge, right, wrong } from './judge.ts';

/** What changed something or read something of the machine must be scripts that were measured. */
export const judgeScripts: Judge = (_, __, { log, bootLog }) => {
  if (log === undefined || bootLog === undefined) return [];
  const problems = scriptProblems(log, bootLog);
  if (problems.length > 0) return wrong(...problems);
  const [changes, facts] = [scriptActions(bootLog.events), machineFacts(bootLog.events)];
  if (changes.length + facts.length === 0) return [];
  return right(
    `scripts: what was changed (${changes.length}) and read (${facts.length}) was so by measured ones`,
  );
};

/** Where domB read back what domains have, it did so for all of them. Where it did not, a note says so. */
export const judgeReadBack: Judge = (_, __, { log, bootLog }) => {
  if (log === undefined || bootLog === undefined) return [];
  const count = countReadBack(bootLog);
  if (count === 0 || bootEnd(log, bootLog).end !== 'complete') return [];
  const problems = readBackProblems(log, bootLog);
  if (problems.length > 0) return wrong(...problems);
  return right(`read back: ${count} domains, domB among them, have what domB expected`);
};

/** Whether the boot came to its end. One that failed may have gone on into its recovery domain. */
export const judgeBoot: Judge = (_, __, { log, bootLog }) => {
  if (log === undefined || !log.capped) return [];
  const failures = log.events.flatMap((event) => (event.event === 'error' ? [event.what] : []));
  const end = bootLog && bootEnd(log, bootLog);
  if (failures.length > 0) {
    const recovered = end?.end === 'recovery' ? end.built : [];
    return wrong(
      // It stands in every register.
      ...[...new Set(failures)].map((what) => `the boot failed: ${what}`),
      ...recovered.map((domain) => `the boot ended in its recovery domain ${domain}`),
    );
  }
  const built = end ? `, with ${end.built.join(', ') || 'no domain'}` : '';
  return right(`boot: it came to its end${built}`);
};
