import type { Manifest } from '../../boot-configs/manifest.ts';
import { type Judgement, judgement } from '../judge/judgement.ts';
import { answered, type ObservedPlatform } from '../judge/observed.ts';
import { parseXlList } from '../judge/tool-output.ts';
import { consoleQuestion, GUEST_NAME } from './questions.ts';

/** A domain that is to say that it works, and how it does. */
interface Service {
  name: string;
  sign: string;
  /** Whether it says so on a console of its own, which dom0 serves, and not on Xen's. */
  console: boolean;
}

/**
 * Domains whose images say that they work, where that can be read. What stays paused, and what the boot went on without, says
 * nothing.
 */
export function services({
  manifest,
  record,
  isOwnImage,
}: Pick<ObservedPlatform, 'manifest' | 'record' | 'isOwnImage'>): Service[] {
  const paused = [...manifest.domains, ...record.domains].filter(({ autostart }) => !autostart);
  const silent = new Set([...paused, ...record.abandoned].map(({ domid }) => domid));
  return manifest.domains.flatMap((domain) => {
    const { name, domid, cmdline, console } = domain;
    const sign = signOf(domain, isOwnImage);
    const heard = console || /\bearlyprintk=xen/.test(cmdline);
    return sign && heard && !silent.has(domid) ? { name, sign, console } : [];
  });
}

/** What a domain with one of the demo's ramdisks says when it works. */
function signOf(
  { ramdisk, cmdline }: Manifest['domains'][number],
  isOwnImage: (name: string) => boolean,
): string | undefined {
  const own = ramdisk.filter(isOwnImage);
  if (own.includes('vtpm.cpio.zst')) return 'vtpm: swtpm alive, self-test passed';
  if (!own.includes('guest.cpio.zst')) return undefined;
  return `guest ${/\bdomb\.name=(\S+)/.exec(cmdline)?.[1] ?? 'unnamed'}: alive`;
}

export function serviceJudgements(observed: ObservedPlatform): Judgement[] {
  return services(observed).map(({ name, sign, console }) => {
    const [question] = consoleQuestion(name);
    const said = console ? answered(observed.answers, question) : observed.consoleText;
    return judgement(`${name} says that it works`, said.includes(sign), sign, sign);
  });
}

/** dom0 can make a guest. */
export function guestCreated({ answers }: ObservedPlatform): Judgement {
  const created = answers.get('guest-create');
  const row = parseXlList(answered(answers, 'guest-list')).find(({ name }) => name === GUEST_NAME);
  const spoke = answered(answers, 'guest-console').includes(`guest ${GUEST_NAME}: alive`);
  const ok = created.status === 0 && row?.seclabel === 'system_u:system_r:domU_t' && spoke;
  const seen = row ? `domain ${row.domid}, ${row.seclabel}` : created.output.trim();
  return judgement('xl create starts a PV guest', ok, seen);
}

/** And it can end it. */
export function guestDestroyed({ answers }: ObservedPlatform): Judgement {
  const [made, destroyed] = [answers.get('guest-create'), answers.get('guest-destroy')];
  const rows = parseXlList(answered(answers, 'list-after'));
  const there = rows.some(({ name, state }) => name === GUEST_NAME && !state.includes('d'));
  const gone = rows.length > 0 && !there;
  return judgement(
    'xl destroy ends it',
    made.status === 0 && destroyed.status === 0 && gone,
    gone ? 'gone' : 'still listed',
  );
}
