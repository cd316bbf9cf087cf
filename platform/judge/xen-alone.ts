import type { Manifest } from '../../boot-configs/manifest.ts';
import { type Judgement, judgement } from './judgement.ts';
import type { DomainDump } from './xen-dump.ts';

/** What Xen and domB said of a platform whose dom0 was not asked. */
export interface WatchedPlatform {
  manifest: Manifest;
  bootDomid: number;
  consoleText: string;
  /** What Xen says of each domain that it has, by domid. */
  dumps: ReadonlyMap<number, DomainDump>;
}

/** What can be told of any platform without a word from its dom0: the domains that Xen has, and that domB is gone. */
export function xenJudgements(watched: WatchedPlatform): Judgement[] {
  const { manifest, bootDomid, dumps, consoleText } = watched;
  const made = identified(consoleText);
  return [
    ...manifest.domains.map(({ name, domid, uuid }) => {
      const wanted = uuid ?? made.get(name);
      const seen = dumps.get(domid);
      const detail = seen ? `domain ${domid}, ${seen.uuid}` : `Xen has no domain ${domid}`;
      return judgement(
        `${name} is there, with its domid and UUID`,
        seen !== undefined && seen.uuid === wanted,
        detail,
        `domain ${domid}, ${wanted ?? 'a UUID that domB names'}`,
      );
    }),
    judgement(
      'domB is gone',
      dumps.size > 0 && !dumps.has(bootDomid),
      dumps.has(bootDomid) ? `domain ${bootDomid} still exists` : `Xen has no domain ${bootDomid}`,
      'that dom0 destroys it: systemd/ has the unit, and systemd/domb-receive does the same',
    ),
  ];
}

/** The UUIDs that domB names on the console, by the domain's name. */
function identified(consoleText: string): Map<string, string> {
  const line = /domb: .* identify (\S+): ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/g;
  return new Map([...consoleText.matchAll(line)].map(([, name = '', uuid = '']) => [name, uuid]));
}
