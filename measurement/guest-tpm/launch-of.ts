import type { MeasuredEvent, MeasuredItem } from '../events.ts';
import { itemOf } from '../evidence/read-log.ts';

/** What a platform's log says of one of its domains. */
export interface LoggedGuest {
  /** What its TPM begins with, in their order: {@link LaunchItems.predictable}. */
  readonly launch: readonly MeasuredItem[];
  /** The domain that serves its TPM; undefined where it has none. */
  readonly server: string | undefined;
}

/**
 * The launch of a guest, from the platform's log: its part of the configuration, and what was measured of it, as domB tells it to the vTPM
 * domain (daemon/plan/guest-launch.ts).
 * @returns undefined where the log knows no such domain
 */
export function launchOf(events: readonly MeasuredEvent[], name: string): LoggedGuest | undefined {
  const configuration = events.find(({ event }) => event === 'configuration');
  const domains =
    configuration?.event === 'configuration' ? configuration.configuration : undefined;
  const own = domainsIn(domains).find((domain) => domain.name === name);
  if (own === undefined) return undefined;
  const launch: MeasuredItem[] = [{ event: 'configuration', configuration: own }];
  for (const item of events.map(itemOf)) {
    if ((item.event !== 'domain' && item.event !== 'image') || item.domain !== name) continue;
    if (item.event === 'domain') {
      const { pcr: _, ...itself } = item;
      launch.push(itself);
    } else launch.push(item);
  }
  return { launch, server: typeof own.vtpm === 'string' ? own.vtpm : undefined };
}

function domainsIn(configuration: unknown): readonly Readonly<Record<string, unknown>>[] {
  const { domains } = Object(configuration) as { domains?: unknown };
  return Array.isArray(domains) ? domains.map((domain) => Object(domain)) : [];
}
