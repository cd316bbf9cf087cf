import { describeContent } from '../../measurement/content.ts';
import type { ImageItem, ManifestItem } from '../../measurement/events.ts';

/** What is measured of a manifest. */
export function manifestItem(bytes: Uint8Array): ManifestItem {
  return { event: 'manifest', ...describeContent(bytes) };
}

/** What is measured of one component of a domain. */
export function imageItem(
  domain: string,
  component: ImageItem['component'],
  bytes: Uint8Array,
): ImageItem {
  return { event: 'image', domain, component, ...describeContent(bytes) };
}
