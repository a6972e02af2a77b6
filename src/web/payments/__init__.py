"""The site's payment company as its processes, pages and commands meet it."""
