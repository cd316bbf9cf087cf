import type { Member } from './cast.ts';
import type { Result } from './results.ts';

/** What FLASK is asked: permissions of a class, of a source over a target, all by their types. */
export interface Question {
  source: string;
  target: string;
  class: string;
  permissions: readonly string[];
}

/** Somebody before somebody else's door; a door of the platform has nobody behind it, and the caller stands for him. */
export interface Situation {
  caller: Member;
  target: Member;
}

/** A refusal that comes before FLASK is asked, so that no AVC line says so. */
export interface Earlier {
  result: Result;
  because: string;
  when(situation: Situation): boolean;
}

/** Why nothing is logged of what FLASK refuses by a dontaudit rule. */
export const SILENT = 'dontaudit: kernels ask, and do without';

export interface Door {
  /** The prober's attempt (test/lib/prober), and its number. */
  attempt: string;
  number: number;
  of: 'domain' | 'platform';
  /** Where the attempt takes a domid that is not the target's. */
  domid?: number;
  /** Undefined where nothing is asked of anybody. */
  asks: ((situation: Situation) => Question | undefined) | undefined;
  result: Result;
  earlier: readonly Earlier[];
  /** Who tries it, when not all do. */
  onlyBy?: readonly string[];
}

/** `"domain pause"` as a question about the target, or about the type that is named; `"nothing"` where FLASK is not asked. */
export function question(text: string, target?: string): Door['asks'] {
  if (text === 'nothing') return undefined;
  const [name = '', permissions = ''] = text.split(' ');
  return ({ caller, target: domain }: Situation): Question => ({
    source: caller.type,
    target: target ?? domain.type,
    class: name,
    permissions: permissions.split(','),
  });
}

export const notVirtual = (result: Result): Earlier => ({
  result,
  because: 'only virtual machines have this',
  when: ({ target }) => target.kind === 'pv',
});

export const onlyForPv = (result: Result): Earlier => ({
  result,
  because: 'only paravirtualized domains have this',
  when: ({ target }) => target.kind === 'pvh',
});

export const notCalledByVirtual = (result: Result = 'ENOSYS'): Earlier => ({
  result,
  because: 'virtual machines cannot call this',
  when: ({ caller }) => caller.kind === 'pvh',
});

export const always = (result: Result, because: string): Earlier => ({
  result,
  because,
  when: () => true,
});
