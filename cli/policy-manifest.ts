import { allDomains } from '../boot-configs/all-domains.ts';
import type { Check } from '../boot-configs/checks/check.ts';
import { reportUnknown } from '../boot-configs/checks/labels/unknown-label.ts';
import { loadManifest } from '../boot-configs/load.ts';
import type { DomainSettings } from '../boot-configs/manifest.ts';
import type { Policy } from '../boot-configs/policy/model.ts';
import type { Input, Terminal } from './command.ts';
import { manifestSource, sourceName } from './manifest-input.ts';

/**
 * The domains of the manifest `file`, that of recovery included, with labels that this policy has.
 * @throws {@link ManifestError} for whatever is wrong with the manifest, labels included
 */
export async function labelledDomains(
  file: string,
  policy: Policy,
  input: Input,
  terminal: Terminal,
): Promise<readonly DomainSettings[]> {
  // The options of these commands ask for no further checks of the manifest.
  const plain = { ...input, values: new Map<string, string>() };
  const { bytes } = await (await manifestSource(plain, terminal))(file);
  return allDomains(loadManifest(bytes, sourceName(file), [knownLabels(policy)]));
}

/** What else a policy might refuse is what it is asked about. */
function knownLabels(policy: Policy): Check {
  return {
    rule: 'seclabel-unknown',
    says: 'Every seclabel is a valid context of the policy.',
    run: (draft, report) => reportUnknown(policy, draft, report),
  };
}
