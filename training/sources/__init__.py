"""Getting packages: their lists, clients, licences and archives."""
