import { API_VERSION, KIND } from '../election-resource.ts';

const [group, version] = API_VERSION.split('/') as [string, string];

/** How the Election is called on a cluster. */
export const GROUP = group;
export const VERSION = version;
export { KIND };
export const PLURAL = 'elections';
/** Who writes, as managedFields and Events say. */
export const FIELD_MANAGER = 'scrutin-operator';
export const FINALIZER = `${GROUP}/cleanup`;
