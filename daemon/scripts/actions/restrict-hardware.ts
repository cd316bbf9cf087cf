import type { HardwareAccess, RangeChoice } from '../../../bindings/hypervisor.ts';
import { iomemRange, ioportRange } from '../../../boot-configs/device-ranges.ts';
import { CallProblem } from '../../../boot-scripts/script-errors.ts';
import type { NumberRange } from '../../../domains/settings.ts';
import type { ScriptAction } from '../script-action.ts';
import { checkCount, membersArgument, show } from './arguments.ts';

type Resource = keyof HardwareAccess;

/** For each: what a list of them holds, and how one is read; undefined for what is none. */
const READERS: Readonly<
  Record<Resource, { wanted: string; read: (value: unknown) => NumberRange | undefined }>
> = {
  ioports: {
    wanted: 'ports and ranges of ports in hexadecimal, for example "3f8-3ff"',
    read: (value) => textRange(value, /^[0-9a-f]{1,4}(-[0-9a-f]{1,4})?$/i, ioportRange),
  },
  iomem: {
    wanted: 'first page and number of pages in hexadecimal, for example "fed40,5"',
    read: (value) => textRange(value, /^(0x)?[0-9a-f]{1,10},(0x)?[0-9a-f]{1,8}$/i, iomemRange),
  },
  irqs: {
    wanted: 'ISA interrupts from 1 to 15',
    read: (value) =>
      Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 15
        ? { first: Number(value), count: 1 }
        : undefined,
  },
};

/** `restrictHardware(choice)`: what the hardware domain gets of the machine. */
export const restrictHardwareAction: ScriptAction = {
  prepare({ changes }, _script, given) {
    checkCount(given, ['an object with ioports, iomem or irqs']);
    const wanted = membersArgument(given[0], ['ioports', 'iomem', 'irqs']);
    const access: HardwareAccess = { ...changes.hardwareAccess };
    for (const [resource, value] of Object.entries(wanted) as [Resource, unknown][]) {
      if (access[resource] !== undefined) {
        throw new CallProblem(`${resource} were chosen before, and can be chosen once`);
      }
      Object.assign(access, { [resource]: choiceOf(resource, value) });
    }
    return () => {
      changes.hardwareAccess = access;
    };
  },
};

function choiceOf(resource: Resource, value: unknown): RangeChoice {
  const kinds = resource === 'iomem' ? (['without'] as const) : (['only', 'without'] as const);
  const choice = membersArgument<'only' | 'without'>(value, kinds);
  if (choice.only !== undefined && choice.without !== undefined) {
    throw new CallProblem(`${resource}: "only" and "without" exclude each other`);
  }
  const { wanted, read } = READERS[resource];
  const list = choice.only ?? choice.without;
  if (!Array.isArray(list)) throw new CallProblem(`${resource}: give a list of ${wanted}`);
  const ranges = list.map((item) => {
    const range = read(item);
    if (range !== undefined && range.count > 0) return range;
    throw new CallProblem(`${resource}: ${show(item)} can't stand here: expected ${wanted}`);
  });
  return choice.only === undefined ? { without: ranges } : { only: ranges };
}

function textRange(
  value: unknown,
  form: RegExp,
  read: (text: string) => NumberRange,
): NumberRange | undefined {
  return typeof value === 'string' && form.test(value) ? read(value) : undefined;
}
