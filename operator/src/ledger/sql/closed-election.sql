select closed_at, digest from election
