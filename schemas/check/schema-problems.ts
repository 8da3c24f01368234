export interface SchemaProblem { readonly code: string; }
