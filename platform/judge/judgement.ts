/** One thing that was compared with what it should be. */
export interface Judgement {
  name: string;
  ok: boolean;
  /** What was seen; when it is not ok, also what was expected. */
  detail: string;
}

export function judgement(name: string, ok: boolean, seen: string, expected?: string): Judgement {
  return { name, ok, detail: ok || !expected ? seen : `${seen}; expected ${expected}` };
}

/** One judgement of several comparisons, all of which must hold. */
export function allOf(name: string, compared: readonly { ok: boolean; seen: string }[]): Judgement {
  return judgement(
    name,
    compared.every(({ ok }) => ok),
    compared.map(({ seen }) => seen).join('; '),
  );
}
