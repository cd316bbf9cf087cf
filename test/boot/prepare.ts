/** Makes what all boots need, or finds it in the cache, before files that run side by side would each do it. */
import { parts } from './parts.ts';

await parts();
