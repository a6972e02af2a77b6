"""Reports: figures by month, day, plan and currency, each with its definition (NU1 to NU4)."""
