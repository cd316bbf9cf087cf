import { bootLogProblems } from '../boot-log.ts';
import { type Evidence, FIRMWARE_PCRS } from '../evidence.ts';
import { readMeasurementLog } from '../read-log.ts';
import { replayProblems } from '../replay-problems.ts';
import { attempt, type Judge, right, wrong } from './judge.ts';

/** The log of what can be predicted: its form, its registers' values, its caps. */
export const judgeLog: Judge = ({ log: bytes, pcrs }, { pcr }, seen) => {
  const log = attempt(() => readMeasurementLog(bytes));
  if (typeof log === 'string') return wrong(log);
  const untrue = replayProblems(log, pcrs, pcr);
  if (untrue.length > 0) return wrong(...untrue);
  seen.log = log;
  return log.capped
    ? right(`log: ${log.events.length} events and the quoted PCR ${log.pcrs.join(', ')} agree`)
    : wrong('the log has no cap: measuring was not finished');
};

/** The log of what differs at each boot. Without it nobody sees what scripts changed, nor which key quoted. */
export const judgeBootLog: Judge = (evidence, { bootPcr }, seen) => {
  const { bootLog } = evidence;
  if (bootLog === undefined) {
    return bootPcr === undefined ? [] : wrong(`boot.log, the log of PCR ${bootPcr}, is missing`);
  }
  const judged = attempt(() => bootLogProblems({ ...evidence, bootLog }, evidence.pcrs, bootPcr));
  if (typeof judged === 'string') return wrong(judged);
  const { problems, log } = judged;
  if (problems.length > 0) return wrong(...problems);
  seen.bootLog = log;
  const { events, target } = log;
  return right(`boot log: ${events.length} events and the quoted PCR ${target.pcr} agree`);
};

/** A register beyond the firmware's that is quoted and holds something needs its log: without it that may be anything. */
export const judgeRegisters: Judge = (evidence, { bootPcr }, seen) => {
  const { log, bootLog } = seen;
  const unread = bootLog === undefined && (evidence.bootLog ?? bootPcr) !== undefined;
  if (log === undefined || unread) return [];
  const logged = [...log.pcrs, ...(bootLog?.pcrs ?? [])];
  const others = heldRegisters(evidence).filter(
    (pcr) => !FIRMWARE_PCRS.includes(pcr) && !logged.includes(pcr),
  );
  return others.length === 0
    ? right("registers: each beyond the firmware's that holds something has its log")
    : wrong(...others.map((pcr) => `PCR ${pcr} is quoted, and no log says what is in it`));
};

/** Those that are quoted and hold something, in order. */
function heldRegisters({ pcrs }: Evidence): number[] {
  const held = [...pcrs.values()].flatMap((values) =>
    [...values].filter(([, value]) => value.some((byte) => byte !== 0)).map(([pcr]) => pcr),
  );
  return [...new Set(held)].sort((a, b) => a - b);
}
